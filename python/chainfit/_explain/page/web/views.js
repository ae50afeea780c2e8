// What the picture shows: a "look" for each view. Values are null where a number is not there.
//
// look: { title, caption, unit(l, i): leaf of a node, edge(address): value, loss,
//         lit(address): 0..1, without a path chosen none; to_loss(o): whether lit,
//         is_bright(0 or 1, l): whether the layer or gap is, all of them are without it,
//         scale(l): lines of gaps with equal ones are drawn to one scale,
//         dead(l, i), target(o): words }

// Units whose slope is (almost) 0 for every row: (almost) no gradient passes them.
const is_idle = (row, l, i) => l > 0 && l < L && own_slope(row, l, i) < rules[l].idle_below;
const idle_units = remember((epoch) => {
  const all = trace(epoch, -1).rows;
  return units.map(
    (_, l) => new Set(indices_of(l).filter((i) => all.every((row) => is_idle(row, l, i)))),
  );
});

// of an idle unit, for all rows or for one
const idle_word = (l, all = rows.n > 1) => (!rules[l].cuts ? "saturated" : all ? "dead" : "off");
const idle_effect = (l) => `${rules[l].cuts ? "no" : "almost no"} gradient passes`;

function idle_words(epoch, row, l, i) {
  if (idle_units(epoch)[l].has(i))
    return `${idle_word(l)}: ${idle_effect(l)} it${rows.n > 1 ? " for any row" : ""}`;
  if (row >= 0 && is_idle(trace(epoch, row).rows[0], l, i))
    return `${idle_word(l, false)} for this row: ${idle_effect(l)} it`;
  if (row >= 0 && mask_of(trace(epoch, row).rows[0], l, i) === 0) return "dropped in this step";
  return null;
}

const target_words = (t, row) => (o) => (row < 0 ? null : `target ${brief(t.rows[0].y[o])}`);

// What lights up for the chosen weight: its flow to the loss, or one path of it.
function light({ epoch, row, weight, path }) {
  if (!weight) return {};
  const { l, j } = weight;
  if (path !== null) {
    const { units } = paths_of(epoch, row, weight).shown[path];
    const on = (at) => units[at.l - l - 1] === at.i && units[at.l - l] === at.j;
    return { lit: (at) => Number(at.l > l && on(at)), to_loss: (o) => units.at(-1) === o };
  }
  const comes_after = (at) => at.l > l + 1 || (at.l === l + 1 && at.i === j);
  if (row < 0) return { lit: (at) => (comes_after(at) ? 0.5 : 0), to_loss: () => true };
  return { lit: flow_of(epoch, row, weight), to_loss: (o) => l + 1 < L || o === j };
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
    unit: (l, i) => ({
      symbol: symbol.a(l, i),
      value: total(t.rows, ({ a }) => a[l][i]) / t.rows.length,
    }),
    edge: (at) => parameter(t.p, at),
    loss: t.J,
    dead: (l, i) => idle_words(epoch, row, l, i),
    target: target_words(t, row),
  };
}

const bias_gradient = (t, l, j) => t.gradient({ l: l - 1, i: -1, j });

function backward_look(state) {
  const t = trace(state.epoch, state.row);
  return {
    ...forward_look(state),
    title: "The gradient: deltas in the nodes, gradients on the edges",
    caption:
      "From the loss back, right to left. Nodes: δ, the derivative with respect to the unit's sum" +
      (state.row < 0 ? ", added up over all rows. " : ". ") +
      "Lines: derivative with respect to the weight, wider for larger ones.",
    unit: (l, i) =>
      l === 0
        ? { symbol: symbol.a(0, i), value: null }
        : { symbol: symbol.delta(l, i), value: bias_gradient(t, l, i) },
    edge: t.gradient,
  };
}

// The units that a chosen weight needs in the picture: its own, and those of its largest path.
function needed_units({ epoch, row, weight, path }) {
  if (!weight) return [];
  const { l, i, j } = weight;
  const along = row < 0 ? [j] : paths_of(epoch, row, weight).shown[path ?? 0].units;
  return [[l, i], ...along.map((u, n) => [l + 1 + n, u])].filter(([, u]) => u >= 0);
}
