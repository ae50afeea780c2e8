// The local rules and the factors of a chain, as formulas with their numbers.

// f'(z) of a unit, as symbols and as numbers
function slope_rule(l, i, a) {
  const name = l < L ? data.activation : data.out_activation;
  const h = () => part(symbol.out(l, i));
  const one = () => mathml("mn", null, "1");
  const two = () => mathml("mn", null, "2");
  const above = (x) => mathml("msup", null, x, two());
  const z = () => part(symbol.sum(l, i));
  return {
    identity: () => [[one()], []],
    logistic: () => [
      [h(), wrap(one(), minus(), h())],
      [mn(a), dot(), wrap(one(), minus(), mn(a))],
    ],
    tanh: () => [
      [one(), minus(), above(wrap(h()))],
      [one(), minus(), above(wrap(mn(a)))],
    ],
    relu: () => [[mn(a > 0 ? 1 : 0), label(" for "), z(), mo(a > 0 ? ">" : "≤"), mn(0)], []],
    leaky_relu: () => [
      [mn(a > 0 ? 1 : 0.01), label(" for "), z(), mo(a > 0 ? ">" : "≤"), mn(0)],
      [],
    ],
    exp: () => [[h()], []],
  }[name]();
}

// dJ/dh of an output; a target of 0 or 1 may make it a simpler one
function loss_rule(o, a, y) {
  const h = () => part(symbol.out(L, o));
  const target = () => part(symbol.target(o));
  const one = () => mathml("mn", null, "1");
  const one_over = (symbols, numbers) => [[frac(one(), symbols)], [frac(one(), numbers)]];
  return {
    squared_error: () => [
      [h(), minus(), target()],
      [mn(a), minus(), num(y)],
    ],
    binary_log_loss: () => {
      if (y === 0) return one_over(mrow(one(), minus(), h()), mrow(one(), minus(), mn(a)));
      if (y === 1) return one_over(h(), mn(a)).map((parts) => [minus(), ...parts]);
      return [
        [frac(mrow(h(), minus(), target()), mrow(h(), wrap(one(), minus(), h())))],
        [frac(mrow(mn(a), minus(), mn(y)), mrow(mn(a), dot(), wrap(one(), minus(), mn(a))))],
      ];
    },
    log_loss: () =>
      y === 0
        ? [[mn(0)], []]
        : [
            [minus(), frac(target(), h())],
            [minus(), frac(mn(y), mn(a))],
          ],
    poisson: () =>
      y === 0
        ? [[one()], []]
        : [
            [frac(mrow(h(), minus(), target()), h())],
            [frac(mrow(mn(a), minus(), mn(y)), mn(a))],
          ],
  }[data.loss]();
}

// The sum over the units of the layer above, largest terms first: dJ/dh = sum of delta_k w_k
function sum_over(l, i, t, most = 3) {
  const terms = [...Array(units[l + 1]).keys()].map((k) => ({
    k,
    d: t.delta[l + 1][k],
    w: t.p.W[l][i * units[l + 1] + k],
  }));
  terms.sort((p, q) => Math.abs(q.d * q.w) - Math.abs(p.d * p.w));
  const rest = terms.splice(most);
  terms.sort((p, q) => p.k - q.k);
  const left = rest.reduce((sum, { d, w }) => sum + d * w, 0);
  const plus = (list) => list.flatMap((x, n) => (n ? [mo("+"), ...x] : x));
  const numbers = plus(terms.map(({ d, w }) => [num(d), dot(), num(w)]));
  if (rest.length)
    numbers.push(mo("+"), num(left), aside(` (${plural(rest.length, "more term")})`));
  return numbers;
}

// The factors dJ/dh, dh/dz, dz/dw of one row, each { symbols, rule, numbers, value }. Of an output
// the first two may be one, dJ/dz: see to_sum. Where a notation
// has one factor for each neuron, the last two are: dh/dw.
function factors_of(t, address) {
  const { l, i, j } = address;
  const layer = l + 1;
  const [z, h, w] = [symbol.sum(layer, j), symbol.out(layer, j), symbol.weight(address)];
  const a = t.a[layer][j];
  const input = {
    symbols: partial(z, w),
    rule: i < 0 ? [mathml("mn", null, "1")] : [part(symbol.out(l, i))],
    numbers: [],
    value: i < 0 ? 1 : t.a[l][i],
  };
  if (layer === L && t.to_sum(0)) {
    const first = {
      symbols: partial(symbol.loss(), z),
      rule: is_canonical ? [h, minus(), symbol.target(j)] : [label("through the softmax")],
      numbers: is_canonical ? [mn(a), minus(), mn(t.Y[j])] : [],
      value: t.delta[L][j],
    };
    return [first, input];
  }
  const [rule, numbers] =
    layer === L ? loss_rule(j, a, t.Y[j]) : [back_sum(layer, j), sum_over(layer, j, t)];
  const first = { symbols: partial(symbol.loss(), h), rule, numbers, value: t.da(layer, 0, j) };
  const [slope_symbols, slope_numbers] = slope_rule(layer, j, a);
  const steep = {
    symbols: partial(h, z),
    rule: slope_symbols,
    numbers: slope_numbers,
    value: slope(layer, a),
  };
  if (!notation.per_neuron) return [first, steep, input];
  const both = {
    symbols: partial(h, w),
    rule: [partial(h, z), dot(), partial(z, w)],
    numbers: [mn(steep.value), dot(), num(input.value)],
    value: steep.value * input.value,
  };
  return [first, both];
}

const back_sum = (l, i) => [
  mathml("munder", null, mo("∑"), mi("k")),
  symbol.delta(l + 1, "k"),
  symbol.weight({ l, i, j: "k" }),
];

const products = (parts) => parts.flatMap((x, n) => (n ? [dot(), x] : [x]));

// L2 term of the gradient, as symbols and number; biases have none. The weights of the rows of a
// batch add up to what the penalty is divided by, 1 for one row.
function l2_term(t, address) {
  if (!data.alpha || address.i < 0) return null;
  const share =
    t.count > 1 ? frac(mi("α"), mrow(mo("∑"), part({ base: "w", word: "row" }))) : mi("α");
  return {
    symbols: () => [part(share), part(symbol.weight(address))],
    value: t.l2 * parameter(t.p, address),
  };
}

// The factors of one path, from the loss back to the weight: each { above, below, value }.
function path_factors(t, address, path) {
  const { l, i } = address;
  const list = [];
  const add = (above, below, value) => list.push({ above, below, value });
  const end = path.units.at(-1);
  const [h, z] = [symbol.out, symbol.sum];
  const to_sum = t.to_sum(0);
  if (to_sum) {
    add(symbol.loss(), z(L, end), t.delta[L][end]);
  } else {
    add(symbol.loss(), h(L, end), t.da(L, 0, end));
    add(h(L, end), z(L, end), slope(L, t.a[L][end]));
  }
  for (let n = path.units.length - 2; n >= 0; n--) {
    const m = l + 1 + n;
    const [u, v] = [path.units[n], path.units[n + 1]];
    add(z(m + 1, v), h(m, u), t.p.W[m][u * units[m + 1] + v]);
    add(h(m, u), z(m, u), unit_slope(t, m, u));
  }
  add(z(l + 1, path.units[0]), symbol.weight(address), i < 0 ? 1 : t.a[l][i]);
  return notation.per_neuron ? by_neuron(list, to_sum ? 2 : 1) : list;
}

// dh/dz and the dz/d... after it as one factor, from place `at` on
function by_neuron(list, at) {
  const merged = list.slice(0, at);
  for (let n = at; n < list.length; n += 2) {
    const [p, q] = [list[n], list[n + 1]];
    merged.push({ above: p.above, below: q.below, value: p.value * q.value });
  }
  return merged;
}
