// The paths from one weight to the loss, for one row. A path runs through one unit u of each layer
// above the weight; its product is dz/dw, then f'(z) w for every hop, then dJ/dz of its output.

const PATHS_SHOWN = 8;
const by_product = ({ product }) => Math.abs(product);

// the hops of a path from a unit of layer l: its f'(z), times each weight
function hops_from(t, l, i) {
  const [df, at] = [slope(t.rows[0], l, i), index_of({ l, i, j: 0 })];
  return t.p[l].slice(at, at + units[l + 1]).map((w) => df * w);
}

// How many there are from a unit of layer l to the outputs.
const paths_from = (l) => units.slice(l + 1).reduce((count, n) => count * n, 1);

// The k largest products from each of the units `from` of layer l to the loss, built from the
// outputs back, largest first: each { product, units: [u, ..., o] }.
function largest_from(t, l, from, k) {
  const ends = (o) => [{ product: t.rows[0].delta[L][o], units: [o] }];
  if (l === L) return from.map(ends);
  const tails = largest_from(t, l + 1, indices_of(l + 1), k);
  return from.map((u) => {
    const hops = hops_from(t, l, u);
    // whose best is not among the k best has none among them
    const best = largest(hops.keys(), (v) => Math.abs(hops[v] * tails[v][0].product), k);
    const lead = (v) =>
      tails[v].map(({ product, units }) => ({ product: hops[v] * product, units: [u, ...units] }));
    return largest(best.sort((p, q) => p - q).flatMap(lead), by_product, k);
  });
}

// { all, shown: [{ product, units, blocked }], rest, total }: the largest paths and the exact sum
// of the others. `blocked` names the units that make a product 0: [layer, unit].
const paths_of = remember((epoch, row, { l, i, j }) => {
  const t = trace(epoch, row);
  const [numbers] = t.rows;
  const [found] = largest_from(t, l + 1, [j], PATHS_SHOWN);
  const shown = found.map(({ product, units }) => ({
    product: product * (numbers.a[l][i] ?? 1),
    units,
    blocked: units
      .map((u, n) => [l + 1 + n, u])
      .filter(([layer, u]) => layer < L && slope(numbers, layer, u) === 0),
  }));
  const whole = numbers.term({ l, i, j });
  const rest = whole - total(shown, (path) => path.product);
  return { all: paths_from(l + 1), shown, rest, total: whole };
});

// What share of the gradient's absolute flow runs over each weight above this one:
// flow(l, u, v) in [0, 1]. dz of a unit by dz of the target, times the hop, times delta.
const flow_of = remember((epoch, row, { l, j }) => {
  const t = trace(epoch, row);
  const flows = {};
  let reach = indices_of(l + 1).map((u) => Number(u === j));
  for (let m = l + 1; m < L; m++) {
    const delta = t.rows[0].delta[m + 1];
    const through = reach.map((r, u) => hops_from(t, m, u).map((hop) => r * hop));
    const flow = through.map((of_u) => of_u.map((h, v) => Math.abs(h * delta[v])));
    const top = Math.max(...flow.map((of_u) => of_u.reduce((p, q) => Math.max(p, q))));
    flows[m] = flow.map((of_u) => of_u.map((f) => top && f / top));
    reach = indices_of(m + 1).map((v) => total(through, (of_u) => of_u[v]));
  }
  return ({ l, i, j }) => flows[l]?.[i][j] ?? 0;
});
