// The chain of one weight and one row as trees: its factors, its paths, its update.

const at_value = (symbol, value) => ({ symbol, value });
const derivative = (top, bottom, value) => ({ partial: [top, bottom], value });

// quantities of a row, as leaves
const leaves_of = (t) => ({
  z: (l, j) => at_value(symbol.sum(l, j), t.z[l][j]),
  a: (l, j) => at_value(symbol.out(l, j), t.a[l][j]),
  delta: (l, j) => at_value(symbol.delta(l, j), t.delta[l][j]),
  y: (j) => at_value(symbol.target(j), t.Y[j]),
  w: (address) => at_value(symbol.weight(address), parameter(t.p, address)),
});

const ALPHA = { symbol: { base: "α" }, value: data.alpha };

// f'(z) of a unit by its rule; of a unit named by a letter without numbers
function slope_rule(t, l, i) {
  const { z, a } = leaves_of(t);
  return bind(rules[l].slope, { z: z(l, i), a: a(l, i) });
}

// dJ/da of a unit of a layer below the outputs: all that leaves it
function back_sum(t, l, i) {
  const { w, delta } = leaves_of(t);
  const products = range(0, units[l + 1] - 1).map(
    (k) => parameter(t.p, { l, i, j: k }) * t.delta[l + 1][k],
  );
  return largest_terms(products, (k) => ["Product", [w({ l, i, j: k }), delta(l + 1, k)]]);
}

const general_back_sum = (l, i) => ({
  over: "k",
  body: [
    "Product",
    [at_value(symbol.weight({ l, i, j: "k" })), at_value(symbol.delta(l + 1, "k"))],
  ],
});

// dJ/dz of an output, whose sum moves every output through the softmax
function jacobian_sum(t, k) {
  const through = (m) => t.a[L][m] * (m === k ? 1 - t.a[L][k] : -t.a[L][k]);
  const term = (m) => [
    "Product",
    [
      derivative(symbol.loss(), symbol.out(L, m), t.da(L, 0, m)),
      derivative(symbol.out(L, m), symbol.sum(L, k), through(m)),
    ],
  ];
  return largest_terms(
    range(0, units[L] - 1).map((m) => t.da(L, 0, m) * through(m)),
    term,
  );
}

// The factors dJ/dh, dh/dz, dz/dw of one row, each { derivative, rule }, some with a rule in general.
// Of an output the first two may be one, dJ/dz: see to_sum. Where a notation has one factor for each
// neuron, the last two are: dh/dw.
function factors_of(t, address) {
  const { l, i, j } = address;
  const layer = l + 1;
  const { a, y } = leaves_of(t);
  const [z, h, w] = [symbol.sum(layer, j), symbol.out(layer, j), symbol.weight(address)];
  const source = i < 0 ? 1 : a(l, i);
  const input = { derivative: derivative(z, w, source.value ?? 1), rule: source };
  if (layer === L && t.to_sum(0)) {
    const rule = data.canonical ? ["Sum", [a(L, j), ["Negative", y(j)]]] : jacobian_sum(t, j);
    return [{ derivative: derivative(symbol.loss(), z, t.delta[L][j]), rule }, input];
  }
  const first = {
    derivative: derivative(symbol.loss(), h, t.da(layer, 0, j)),
    ...(layer === L
      ? { rule: bind(loss.slope, { y: y(j), a: a(L, j) }) }
      : { rule: back_sum(t, layer, j), general: general_back_sum(layer, j) }),
  };
  const steep = {
    derivative: derivative(h, z, slope(t, layer, j)),
    rule: slope_rule(t, layer, j),
  };
  if (!notation.per_neuron) return [first, steep, input];
  const both = [steep.derivative, input.derivative];
  return [
    first,
    { derivative: derivative(h, w, both[0].value * both[1].value), rule: product_of(both) },
  ];
}

// L2 term of the gradient; biases have none. The weights of the rows of a batch add up to what the
// penalty is divided by, 1 for one row.
function l2_term(t, address) {
  if (!data.alpha || address.i < 0) return null;
  const row_weight = at_value({ base: "w", word: "row" });
  const share = ["Quotient", ALPHA, { over: "", body: row_weight, value: t.sum_w }];
  return ["Product", [t.count > 1 ? share : ALPHA, leaves_of(t).w(address)]];
}

const with_l2 = (tree, l2) => (l2 ? ["Sum", [tree, l2]] : tree);

// The factors of one path, from the loss back to the weight.
function path_factors(t, address, path) {
  const { l, i } = address;
  const [J, h, z] = [symbol.loss(), symbol.out, symbol.sum];
  const end = path.units.at(-1);
  const to_sum = t.to_sum(0);
  const slope_at = (m, u) => derivative(h(m, u), z(m, u), slope(t, m, u));
  const list = to_sum
    ? [derivative(J, z(L, end), t.delta[L][end])]
    : [derivative(J, h(L, end), t.da(L, 0, end)), slope_at(L, end)];
  for (let n = path.units.length - 2; n >= 0; n--) {
    const m = l + 1 + n;
    const [u, v] = [path.units[n], path.units[n + 1]];
    list.push(derivative(z(m + 1, v), h(m, u), parameter(t.p, { l: m, i: u, j: v })));
    list.push(slope_at(m, u));
  }
  list.push(derivative(z(l + 1, path.units[0]), symbol.weight(address), i < 0 ? 1 : t.a[l][i]));
  if (!notation.per_neuron) return list;
  // dh/dz and the dz/d... after it as one factor
  const merged = list.splice(0, to_sum ? 2 : 1);
  while (list.length) {
    const [p, q] = list.splice(0, 2);
    merged.push(derivative(p.partial[0], q.partial[1], p.value * q.value));
  }
  return merged;
}

// the lines of the update of one weight
function update_equations({ known }, address) {
  const letter = address.i < 0 ? "b" : "w";
  const names = { ...solver.names, old: `${letter} old`, new: `${letter} new` };
  const leaves = { t: at_value("t", known.t) };
  for (const [key, name] of Object.entries(names)) leaves[key] = at_value(name, known[key]);
  leaves.gradient = derivative(symbol.loss(), symbol.weight(address), known.gradient);
  return solver.lines.map(([key, tree]) =>
    equation(leaves[key].symbol, bind(tree, leaves), known[key]),
  );
}
