// The quantities of a row as leaves of trees, and the formulas of the chain rule made of them: each
// once, in general and with numbers. Without a step they are symbols alone, whose indices may be
// letters, and sums go over a letter.

const with_penalties = (tree, penalties) => sum(tree, ...penalties);
const strength_of = ({ symbol, strength: value }) => ({ symbol, value });

// A leaf whose name is made when it is written: of long sums only a few terms are.
const leaf_of = (kind, name, value) => ({
  get [kind]() {
    return name();
  },
  value,
});

function quantities(t) {
  const row = t?.rows[0];
  const J = symbol.loss;
  const name = (kind, l, j) => () => symbol[kind](l, j);
  const name_of = (at) => () => symbol.weight(at);
  const d = (top, bottom, value) => leaf_of("partial", () => [top(), bottom()], value);
  const [z, a, delta] = ["z", "a", "delta"].map(
    (kind) => (l, j) => leaf_of("symbol", name(kind, l, j), row?.[kind][l][j]),
  );
  const y = (j) => leaf_of("symbol", () => symbol.target(j), row?.y[j]);
  const w = (at) => leaf_of("symbol", name_of(at), t && parameter(t.p, at));
  // of an output, what else its rules are made of
  function other_leaves(l, o) {
    if (l < L || typeof o !== "number") return {};
    const leaves = data.others.map(({ key, name, values }) => [
      key,
      { symbol: { base: name, sub: String(o + notation.first) }, value: values[o] },
    ]);
    const partner = data.partners && { partner: a(L, data.partners[o]) };
    return { ...Object.fromEntries(leaves), ...partner };
  }
  const over = (l, letter, term) =>
    t ? largest_terms(indices_of(l).map(term)) : { over: letter, body: term(letter) };

  const q = {
    ...{ z, a, delta, y, w },
    dJ_da: (l, j) => d(J, name("a", l, j), row?.da(l, j)),
    dJ_dz: (l, j) => d(J, name("z", l, j), row?.delta[l][j]),
    dJ_dw: (at) => d(J, name_of(at), t?.gradient(at)),
    da_dz: (l, j) => d(name("a", l, j), name("z", l, j), row && slope(row, l, j)),
    // a sum by its weight, and by the unit below
    dz_dw: (at) => d(name("z", at.l + 1, at.j), name_of(at), row && (row.a[at.l][at.i] ?? 1)),
    dz_da: (at) => d(name("z", at.l + 1, at.j), name("a", at.l, at.i), t && parameter(t.p, at)),
    // through a softmax every sum moves every output
    dout_dz: (k, j) =>
      d(name("a", L, k), name("z", L, j), row && row.a[L][k] * ((k === j) - row.a[L][j])),

    // z of a unit: its terms, the bias last
    weighted_sum(l, j) {
      const terms = over(l - 1, "j", (i) => product(w({ l: l - 1, i, j }), a(l - 1, i)));
      return sum(terms, w({ l: l - 1, i: -1, j }));
    },
    // dJ/da of a unit below the outputs: all that leaves it
    back_sum: (l, i) => over(l + 1, "k", (k) => product(w({ l, i, j: k }), delta(l + 1, k))),
    delta_rule(l, j) {
      if (l < L) return product(q.back_sum(l, j), q.da_dz(l, j));
      if (data.canonical) return sum(a(L, j), ["Negative", y(j)]);
      if (!is_softmax) return product(q.dJ_da(L, j), q.da_dz(L, j));
      return over(L, "k", (k) => product(q.dJ_da(L, k), q.dout_dz(k, j)));
    },
    gradient_rule: ({ l, i, j }) => (i < 0 ? delta(l + 1, j) : product(delta(l + 1, j), a(l, i))),

    // Terms of the gradient that penalties make; biases have none. The weights of the rows of a
    // batch add up to what a penalty is divided by, 1 for one row.
    penalties(at) {
      const row_weight = { symbol: { base: "w", word: "row" } };
      return data.penalties.map((penalty) => {
        if (at.i < 0) return null;
        const strength = strength_of(penalty);
        const share = ["Quotient", strength, { over: "", body: row_weight, value: t?.sum_w }];
        const of_weight = bind(penalty.slope, { w: w(at) });
        return product(t?.rows.length > 1 ? share : strength, of_weight);
      }).filter(Boolean);
    },

    // What dropout multiplies a unit by; null where its layer drops none.
    mask: (l, j) =>
      (row ? row.masks : (masks.one ?? []))[l]
        ? leaf_of("symbol", () => mask_name(symbol.a(l, j)), row && mask_of(row, l, j))
        : null,
    activation_rule(l, j) {
      const leaves = { z: z(l, j), z_k: in_general().z(l, "k"), ...other_leaves(l, j) };
      const sums = row && (l === L ? rows_of_groups(row.z[L])[j] : row.z[l]);
      const tree = bind(rules[l].shown, leaves, sums);
      const mask = q.mask(l, j);
      return mask ? product(mask, tree) : tree;
    },
    slope_rule(l, j) {
      const mask = q.mask(l, j);
      if (!mask) return bind(rules[l].slope, { z: z(l, j), a: a(l, j), ...other_leaves(l, j) });
      if (mask.value === 0) return mask;
      const before = ["Quotient", a(l, j), mask];
      return product(mask, bind(rules[l].slope, { z: z(l, j), a: before }));
    },

    // The factors of dJ/dw, each { of, rule }, some with a rule in general. Of an output the first
    // two may be one, dJ/dz: see to_sum. With one factor for each neuron, the last two are.
    factors(at) {
      const [l, j] = [at.l + 1, at.j];
      const input = { of: q.dz_dw(at), rule: at.i < 0 ? 1 : a(at.l, at.i) };
      if (l === L && row.to_sum) return [{ of: q.dJ_dz(L, j), rule: q.delta_rule(L, j) }, input];
      const first =
        l === L
          ? { rule: bind(loss.slope, { y: y(j), a: a(L, j), ...other_leaves(L, j) }) }
          : { rule: q.back_sum(l, j), general: in_general().back_sum(l, j) };
      const steep = { of: q.da_dz(l, j), rule: q.slope_rule(l, j) };
      const both = { of: merged(steep.of, input.of), rule: product(steep.of, input.of) };
      const others = notation.per_neuron ? [both] : [steep, input];
      return [{ of: q.dJ_da(l, j), ...first }, ...others];
    },

    // The factors of one path, from the loss back to the weight.
    path(at, { units }) {
      const end = units.at(-1);
      const list = row.to_sum ? [q.dJ_dz(L, end)] : [q.dJ_da(L, end), q.da_dz(L, end)];
      for (let n = units.length - 2; n >= 0; n--) {
        const [l, i, j] = [at.l + 1 + n, units[n], units[n + 1]];
        list.push(q.dz_da({ l, i, j }), q.da_dz(l, i));
      }
      list.push(q.dz_dw(at));
      if (!notation.per_neuron) return list;
      const first = list.splice(0, row.to_sum ? 2 : 1);
      return [...first, ...range(0, list.length / 2 - 1).map((n) => merged(...list.slice(2 * n)))];
    },
  };
  return q;
}

const mask_name = (of) => mrow(label("mask("), part(of), label(")"));

// dh/dz and the dz/d... after it as one factor
const merged = (p, q) => ({ partial: [p.partial[0], q.partial[1]], value: p.value * q.value });

const in_general = () => quantities(null);

// the loss of a row in symbols
function general_loss() {
  const q = in_general();
  const o = units[L] === 1 ? 0 : "i";
  const penalties = data.penalties.map((penalty) => {
    const { divisor, term } = penalty;
    const [strength, w] = [strength_of(penalty), { symbol: { base: "w" } }];
    const over = divisor === 1 ? strength : ["Quotient", strength, divisor];
    return product(over, { over: "", body: bind(term, { w }) });
  });
  return with_penalties(bind(loss.row, { y: q.y(o), a: q.a(L, o) }), penalties);
}

// the lines of the update of one weight
function update_equations({ known }, address, t) {
  const letter = address.i < 0 ? "b" : "w";
  const names = { ...solver.names, t: "t", old: `${letter} old`, new: `${letter} new` };
  const leaves = Object.fromEntries(
    Object.entries(names).map(([key, symbol]) => [key, { symbol, value: known[key] }]),
  );
  leaves.gradient = quantities(t).dJ_dw(address);
  return solver.lines.map(([key, tree]) => {
    const bound = bind(tree, leaves);
    return [...chain_of(leaves[key], bound), ...result(bound, known[key])];
  });
}
