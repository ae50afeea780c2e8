// The paths from one weight to the loss, for one row. A path runs through one unit u of each layer
// above the weight; its product is dz/dw, then f'(z) w for every hop, then dJ/dz of its output.

const PATHS_SHOWN = 8;

// one hop of a path: f'(z) of a unit, times a weight
const hop = (t, l, u, v) => slope(t, l, u) * t.p.W[l][u * units[l + 1] + v];

// How many there are from a unit of layer l to the outputs.
const paths_from = (l) => units.slice(l + 1).reduce((count, n) => count * n, 1);

// The k largest products from each unit of layer l to the loss, built from the outputs back:
// best[u] is a list of { product, units: [u, ..., o] }, largest first.
function largest_from(t, l, from, k) {
  if (l === L) return new Map(from.map((o) => [o, [{ product: t.delta[L][o], units: [o] }]]));
  const next = largest_from(t, l + 1, [...Array(units[l + 1]).keys()], k);
  const best = new Map();
  for (const u of from) {
    const kept = [];
    const smallest = () => (kept.length < k ? -1 : Math.abs(kept[k - 1].product));
    for (const [v, tails] of next) {
      const first = hop(t, l, u, v);
      for (const tail of tails) {
        const product = first * tail.product;
        if (Math.abs(product) <= smallest()) break;
        let at = kept.length;
        while (at > 0 && Math.abs(kept[at - 1].product) < Math.abs(product)) at--;
        kept.splice(at, 0, { product, units: [u, ...tail.units] });
        kept.length = Math.min(kept.length, k);
      }
    }
    best.set(u, kept);
  }
  return best;
}

// { all, shown: [{ product, units, blocked }], rest, total }: the largest paths and the exact sum
// of the others. `blocked` names the units that make a product 0: [layer, unit].
const paths_of = remember((epoch, row, l, i, j) => {
  const t = trace(epoch, row);
  const input = i < 0 ? 1 : t.a[l][i];
  const shown = largest_from(t, l + 1, [j], PATHS_SHOWN).get(j);
  for (const path of shown) {
    path.product *= input;
    path.blocked = path.units
      .map((u, n) => [l + 1 + n, u])
      .filter(([layer, u]) => layer < L && slope(t, layer, u) === 0);
  }
  const total = t.term(l, i, j, 0);
  const rest = total - shown.reduce((sum, path) => sum + path.product, 0);
  return { all: paths_from(l + 1), shown, rest, total };
});

// What share of the gradient's absolute flow runs over each weight above this one:
// flow(l, u, v) in [0, 1]. dz of a unit by dz of the target, times the hop, times delta.
const flow_of = remember((epoch, row, l, i, j) => {
  const t = trace(epoch, row);
  let reach = new Float64Array(units[l + 1]);
  reach[j] = 1;
  const reaches = { [l + 1]: reach };
  for (let m = l + 1; m < L; m++) {
    const next = new Float64Array(units[m + 1]);
    for (let u = 0; u < units[m]; u++) {
      if (reach[u] === 0) continue;
      for (let v = 0; v < next.length; v++) next[v] += reach[u] * hop(t, m, u, v);
    }
    reaches[m + 1] = reach = next;
  }
  const raw = (m, u, v) => reaches[m][u] * hop(t, m, u, v) * t.delta[m + 1][v];
  const top = {};
  for (let m = l + 1; m < L; m++) {
    top[m] = 0;
    for (let u = 0; u < units[m]; u++)
      for (let v = 0; v < units[m + 1]; v++) top[m] = Math.max(top[m], Math.abs(raw(m, u, v)));
  }
  return (m, u, v) => (top[m] ? Math.abs(raw(m, u, v)) / top[m] : 0);
});
