// The panel of the story: each step in words, as a general formula, and with the row's numbers.

const STORY_LINES = 8;

function story_panel(state, shown) {
  const { epoch, row, step } = state;
  const { kind, l } = STORY[step];
  const { words, general, lines, more } = EXPLAINED[kind](trace(epoch, row), l, epoch, shown);
  const line = ([left, middle, value, name]) =>
    el(
      "tr",
      el("th", { scope: "row" }, mathml("math", part(left)), name && el("span.name", name)),
      el("td", middle && formula(middle.words ?? numbers(middle))),
      el("td.number", value === null ? "–" : result_cell(middle?.words ? null : middle, value)),
    );
  return [
    el("p.where", `Step ${step + 1} of ${STORY.length}`),
    el("h2", { id: "panel-title" }, story_title(STORY[step])),
    el("p", words),
    general && formula(general),
    el("table.factors.story", el("tbody", lines.map(line))),
    more > 0 ? note(`and ${count_of(more)} more`) : null,
  ];
}

// the units of a layer that the picture shows, as many as fit
function some_units(shown, l, line) {
  const list = shown[l].slice(0, STORY_LINES);
  return { lines: list.map(line), more: units[l] - list.length };
}

const general_of = (of, l, letter = "i") => at_value(of(l, letter));
const definition = (left, ...sides) => [
  part(left),
  ...sides.flatMap((side) => [equals(), ...symbols(side)]),
];

// z_j in its terms, the bias last
function sum_terms(t, l, j) {
  const { w, a } = leaves_of(t);
  const address = (i) => ({ l: l - 1, i, j });
  const values = range(0, units[l - 1] - 1).map((i) => parameter(t.p, address(i)) * t.a[l - 1][i]);
  const sum = largest_terms(values, (i) => ["Product", [w(address(i)), a(l - 1, i)]]);
  return ["Sum", [sum, w(address(-1))]];
}

// the loss of a row in symbols
function general_loss() {
  const o = units[L] === 1 ? 0 : "i";
  const term = bind(loss.term, { y: at_value(symbol.target(o)), a: general_of(symbol.out, L, o) });
  const sum = o === 0 ? term : { over: "i", body: term };
  const { scale } = loss;
  const negative = scale === -1 ? ["Negative", sum] : sum;
  const data_term = typeof scale === "object" ? ["Product", [scale, sum]] : negative;
  const squares = { over: "", body: ["Power", at_value({ base: "w" }), 2] };
  return with_l2(data_term, data.alpha && ["Product", [["Quotient", ALPHA, 2], squares]]);
}

// Of each kind of step: { words, general, lines: [left, tree or words, value, name], more }
const EXPLAINED = {
  inputs: (t, _, epoch, shown) => ({
    words: "Each feature is the value of an input unit.",
    general: definition(symbol.out(0, "i"), at_value({ base: "x", sub: "i" })),
    ...some_units(shown, 0, (i) => [symbol.out(0, i), null, t.a[0][i], unit_name(0, i)]),
  }),

  sums(t, l, epoch, shown) {
    const w = at_value(symbol.weight({ l: l - 1, i: "j", j: "i" }));
    const body = ["Product", [w, general_of(symbol.out, l - 1, "j")]];
    const bias = at_value(symbol.weight({ l: l - 1, i: -1, j: "i" }));
    return {
      words:
        "First of two steps: every value of the layer below times its weight, added up, plus the bias.",
      general: definition(symbol.sum(l, "i"), ["Sum", [{ over: "j", body }, bias]]),
      ...some_units(shown, l, (j) => [symbol.sum(l, j), sum_terms(t, l, j), t.z[l][j]]),
    };
  },

  outputs(t, l, epoch, shown) {
    const { name, shown: rule } = rules[l];
    const general = { z: general_of(symbol.sum, l), z_k: general_of(symbol.sum, l, "k") };
    const { z } = leaves_of(t);
    return {
      words: `Second step: the activation, ${name.replace("_", " ")}.`,
      general: definition(symbol.out(l, "i"), bind(rule, general)),
      ...some_units(shown, l, (i) => {
        const tree = bind(rule, { ...general, z: z(l, i) }, t.z[l]);
        const is_shown = Array.isArray(tree) && Number.isFinite(compile(tree)({}));
        return [symbol.out(l, i), is_shown ? tree : null, t.a[l][i], unit_name(l, i)];
      }),
    };
  },

  loss(t, l, epoch, shown) {
    const { lines, more } = some_units(shown, L, (o) => {
      const target = [label("target "), part(symbol.target(o)), equals(), mn(t.Y[o])];
      return [symbol.out(L, o), { words: target }, t.a[L][o], unit_name(L, o)];
    });
    if (data.alpha) lines.push([label("L2 term"), null, t.penalty]);
    lines.push([symbol.loss(), null, t.J]);
    const penalty = data.alpha ? ", and the L2 penalty of the weights." : ".";
    return {
      words: `The ${loss.name.replaceAll("_", " ")} of this row${penalty}`,
      general: definition(symbol.loss(), general_loss()),
      lines,
      more,
    };
  },

  deltas: (t, l, epoch, shown) => (l === L ? output_deltas(t, shown) : inner_deltas(t, l, shown)),

  gradients(t, l, epoch, shown) {
    const pairs = shown[l].flatMap((j) => shown[l - 1].map((i) => ({ l: l - 1, i, j })));
    const size = (w) => Math.abs(t.gradient(w.l, w.i, w.j));
    const list = pairs.sort((p, q) => size(q) - size(p)).slice(0, STORY_LINES);
    const weight = { l: l - 1, i: "j", j: "i" };
    const product = ["Product", [general_of(symbol.delta, l), general_of(symbol.out, l - 1, "j")]];
    const decay = data.alpha && ["Product", [ALPHA, at_value(symbol.weight(weight))]];
    const { delta, a } = leaves_of(t);
    return {
      words:
        `Delta above times value below${data.alpha ? ", and the L2 term" : ""}. Of a bias it is ` +
        `delta itself. The largest of ${count_of(units[l] * units[l - 1])} weights:`,
      general: definition(partial(symbol.loss(), symbol.weight(weight)), with_l2(product, decay)),
      lines: list.map((w) => [
        partial(symbol.loss(), symbol.weight(w)),
        with_l2(["Product", [delta(l, w.j), a(l - 1, w.i)]], l2_term(t, w)),
        t.gradient(w.l, w.i, w.j),
      ]),
      more: units[l] * units[l - 1] - list.length,
    };
  },

  updates(t, _, epoch, shown) {
    const all = range(0, L - 1).flatMap((l) =>
      shown[l + 1].flatMap((j) =>
        shown[l].map((i) => {
          const w = parameter(t.p, { l, i, j });
          return {
            address: { l, i, j },
            w,
            ...update_of(epoch, w, t.gradient(l, i, j), { l, i, j }),
          };
        }),
      ),
    );
    const size = ({ w, fresh }) => Math.abs((fresh ?? w) - w);
    const list = all.sort((p, q) => size(q) - size(p)).slice(0, STORY_LINES);
    const words = `What ${solver.words} makes of the gradients of this row alone. The weights that move most:`;
    return {
      words: all[0].why ?? words,
      general: null,
      lines: list.map(({ address, w, fresh }) => [
        symbol.weight(address),
        fresh === null ? null : { words: [mn(w), label(" becomes ")] },
        fresh,
      ]),
      more: data.n_parameters - list.length,
    };
  },
};

function output_deltas(t, shown) {
  const { a, y } = leaves_of(t);
  const [J, z] = [symbol.loss(), symbol.sum(L, "i")];
  const sides = [derivative(J, z)];
  const through = (k) => [
    "Product",
    [derivative(J, symbol.out(L, k)), derivative(symbol.out(L, k), z)],
  ];
  if (data.canonical)
    sides.push(["Sum", [general_of(symbol.out, L), ["Negative", at_value(symbol.target("i"))]]]);
  else sides.push(is_softmax ? { over: "k", body: through("k") } : through("i"));
  const rule = (o) => {
    if (data.canonical) return ["Sum", [a(L, o), ["Negative", y(o)]]];
    if (is_softmax) return jacobian_sum(t, o);
    return ["Product", [{ value: t.da(L, 0, o) }, { value: slope(t, L, o) }]];
  };
  return {
    words: data.canonical
      ? "Loss and output activation belong together: their two derivatives make just output minus target."
      : "The derivative of the loss by the output, times that of the output by its sum.",
    general: definition(symbol.delta(L, "i"), ...sides),
    ...some_units(shown, L, (o) => [symbol.delta(L, o), rule(o), t.delta[L][o], unit_name(L, o)]),
  };
}

function inner_deltas(t, l, shown) {
  const [h, z] = [symbol.out(l, "i"), symbol.sum(l, "i")];
  const product = ["Product", [general_back_sum(l, "i"), derivative(h, z)]];
  const rule = (i) => ["Product", [back_sum(t, l, i), { value: slope(t, l, i) }]];
  return {
    words:
      "A unit's sum acts on the loss through every unit above: their deltas come back over the " +
      "same weights, added up, times the slope of the activation.",
    general: definition(symbol.delta(l, "i"), derivative(symbol.loss(), z), product),
    ...some_units(shown, l, (i) => [symbol.delta(l, i), rule(i), t.delta[l][i]]),
  };
}
