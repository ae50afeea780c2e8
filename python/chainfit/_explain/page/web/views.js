// What the picture shows: a "look" for each view. Values are null where a number is not there.
//
// look: { title, caption, node(l, i), symbol(l, i), edge(l, i, j), loss,
//         gap(l), layer(l): whether bright, lit(l, i, j): 0..1 or null for no path chosen,
//         scale(l): lines of gaps with equal ones are drawn to one scale,
//         dead(l, i): words, target(o): words, to_loss(o): whether lit }

const mean_of = (values, l, i, count) => {
  let sum = 0;
  for (let r = 0; r < count; r++) sum += values[l][r * units[l] + i];
  return sum / count;
};

const bias_gradient = (t, l, i) => t.gradient(l - 1, -1, i);

// Units whose slope is (almost) 0 for every row: (almost) no gradient passes them.
const idle_units = remember((epoch) => {
  const t = trace(epoch, -1);
  return units.map((n, l) => {
    if (l === 0 || l === L) return new Set();
    const is_idle = (i) =>
      range(0, t.count - 1).every((r) => slope(t, l, r * n + i) < rules[l].idle_below);
    return new Set(range(0, n - 1).filter(is_idle));
  });
});

function idle_word(l) {
  if (!rules[l].cuts) return "saturated";
  return rows.n > 1 ? "dead" : "off";
}

function idle_words(epoch, row, l, i) {
  if (l === 0 || l === L) return null;
  const { cuts, idle_below } = rules[l];
  const effect = `${cuts ? "no" : "almost no"} gradient passes it`;
  if (idle_units(epoch)[l].has(i))
    return `${idle_word(l)}: ${effect}${rows.n > 1 ? " for any row" : ""}`;
  if (row >= 0 && slope(trace(epoch, row), l, i) < idle_below)
    return `${cuts ? "off" : "saturated"} for this row: ${effect}`;
  return null;
}

const target_words = (t, row) => (o) => (row < 0 ? null : `target ${brief(t.Y[o])}`);

// What lights up for the chosen weight: its flow to the loss, or one path of it.
function light({ epoch, row, weight, path }) {
  if (!weight) return { lit: null, to_loss: null };
  const { l, i, j } = weight;
  if (path) {
    const on = (m, u, v) => m > l && path.units[m - l - 1] === u && path.units[m - l] === v;
    return { lit: (m, u, v) => (on(m, u, v) ? 1 : 0), to_loss: (o) => path.units.at(-1) === o };
  }
  if (row < 0)
    return {
      lit: (m, u) => (m > l + 1 || (m === l + 1 && u === j) ? 0.5 : 0),
      to_loss: () => true,
    };
  const flow = flow_of(epoch, row, l, i, j);
  return { lit: (m, u, v) => (m > l ? flow(m, u, v) : 0), to_loss: (o) => l + 1 < L || o === j };
}

function forward_look(state) {
  const { epoch, row } = state;
  const t = trace(epoch, row);
  return {
    ...light(state),
    title: "The net: values in the nodes, weights on the edges",
    caption:
      (row < 0 ? "Nodes: mean value over all rows. " : "Nodes: value of each unit. ") +
      "Lines: weights, wider for larger ones.",
    node: (l, i) => mean_of(t.a, l, i, t.count),
    symbol: symbol.out,
    edge: (l, i, j) => parameter(t.p, { l, i, j }),
    loss: t.J,
    dead: (l, i) => idle_words(epoch, row, l, i),
    target: target_words(t, row),
  };
}

function backward_look(state) {
  const t = trace(state.epoch, state.row);
  return {
    ...forward_look(state),
    title: "The gradient: deltas in the nodes, gradients on the edges",
    caption:
      "From the loss back, right to left. Nodes: δ, the derivative by the unit's sum" +
      (state.row < 0 ? ", added up over all rows. " : ". ") +
      "Lines: derivative by the weight, wider for larger ones.",
    node: (l, i) => (l === 0 ? null : bias_gradient(t, l, i)),
    symbol: (l, i) => (l === 0 ? symbol.out(l, i) : symbol.delta(l, i)),
    edge: t.gradient,
  };
}

// The units that a chosen weight needs in the picture: its own, and those of its largest path.
function needed_units({ epoch, row, weight, path }) {
  if (!weight) return [];
  const { l, i, j } = weight;
  const own =
    i < 0
      ? [[l + 1, j]]
      : [
          [l, i],
          [l + 1, j],
        ];
  const along = path ?? (row < 0 ? null : paths_of(epoch, row, l, i, j).shown[0]);
  return [...own, ...(along?.units ?? []).map((u, n) => [l + 1 + n, u])];
}
