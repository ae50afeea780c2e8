// The panel of the story: each step in words, as a general formula, and with the row's numbers.

const STORY_LINES = 8;

function story_panel(state, chosen_units) {
  const { epoch, row, step } = state;
  const t = trace(epoch, row);
  const now = STORY[step];
  const { words, general, lines, more } = TELL[now.kind](t, now.l, epoch, chosen_units);
  return [
    el("p", { class: "where" }, `Step ${step + 1} of ${STORY.length}`),
    el("h2", { id: "panel-title" }, story_title(now)),
    el("p", null, words),
    general && formula(general),
    el(
      "table",
      { class: "factors story" },
      el(
        "tbody",
        null,
        lines.map(([left, middle, value, name]) =>
          el(
            "tr",
            null,
            el(
              "th",
              { scope: "row" },
              mathml("math", null, part(left)),
              name && el("span", { class: "name" }, name),
            ),
            el("td", null, middle ? formula(middle) : null),
            el("td", { class: "number" }, value === null ? "–" : result_cell(middle, value)),
          ),
        ),
      ),
    ),
    more > 0 ? note(`and ${count_of(more)} more`) : null,
  ];
}

// the units of a layer that the picture shows, as many as fit
const some = (shown, l) => {
  const list = shown[l].slice(0, STORY_LINES);
  return { list, more: units[l] - list.length };
};

const indexed = (of, l) => of(l, "i");

// Terms of z_j, largest first, the others as one number.
function sum_terms(t, l, j, most = 3) {
  const n = units[l - 1];
  const m = units[l];
  const terms = range(0, n - 1).map((i) => ({ i, w: t.p.W[l - 1][i * m + j], a: t.a[l - 1][i] }));
  terms.sort((p, q) => Math.abs(q.w * q.a) - Math.abs(p.w * p.a));
  const rest = terms.splice(most);
  terms.sort((p, q) => p.i - q.i);
  const parts = terms.flatMap(({ w, a }, k) => [...(k ? [mo("+")] : []), num(w), dot(), num(a)]);
  if (rest.length === 1) parts.push(mo("+"), num(rest[0].w), dot(), num(rest[0].a));
  else if (rest.length)
    parts.push(
      mo("+"),
      num(rest.reduce((s, { w, a }) => s + w * a, 0)),
      aside(` (${count_of(rest.length)} more terms)`),
    );
  parts.push(mo("+"), num(t.p.b[l - 1][j]));
  return parts;
}

const TELL = {
  inputs(t, _, epoch, shown) {
    const { list, more } = some(shown, 0);
    return {
      words: "Each feature is the value of an input unit.",
      general: [indexed(symbol.out, 0), equals(), { base: "x", sub: "i" }],
      lines: list.map((i) => [symbol.out(0, i), null, t.a[0][i], unit_name(0, i)]),
      more,
    };
  },

  sums(t, l, epoch, shown) {
    const { list, more } = some(shown, l);
    const w = symbol.weight({ l: l - 1, i: "j", j: "i" });
    return {
      words:
        "First of two steps: every value of the layer below times its weight, added up, plus the bias.",
      general: [
        symbol.sum(l, "i"),
        equals(),
        mathml("munder", null, mo("∑"), mi("j")),
        w,
        symbol.out(l - 1, "j"),
        mo("+"),
        symbol.weight({ l: l - 1, i: -1, j: "i" }),
      ],
      lines: list.map((j) => [symbol.sum(l, j), sum_terms(t, l, j), t.z[l][j]]),
      more,
    };
  },

  outputs(t, l, epoch, shown) {
    const { list, more } = some(shown, l);
    const name = l < L ? data.activation : data.out_activation;
    return {
      words: `Second step: the activation, ${name.replace("_", " ")}.`,
      general: [
        symbol.out(l, "i"),
        equals(),
        ...activation_rule(name, symbol.sum(l, "i"), symbol.sum(l, "k")),
      ],
      lines: list.map((i) => [
        symbol.out(l, i),
        [...activation_rule(name, mn(t.z[l][i]), null)],
        t.a[l][i],
        unit_name(l, i),
      ]),
      more,
    };
  },

  loss(t, l, epoch, shown) {
    const { list, more } = some(shown, L);
    return {
      words:
        `The ${data.loss.replaceAll("_", " ")} of this row` +
        (data.alpha ? ", and the L2 penalty of the weights." : "."),
      general: [
        symbol.loss(),
        equals(),
        ...loss_formula(symbol.out(L, "i"), symbol.target("i")),
        ...(data.alpha
          ? [
              mo("+"),
              frac(mi("α"), mathml("mn", null, "2")),
              mo("∑"),
              mathml("msup", null, mi("w"), mathml("mn", null, "2")),
            ]
          : []),
      ],
      lines: [
        ...list.map((o) => [
          symbol.out(L, o),
          [label("target "), symbol.target(o), equals(), mn(t.Y[o])],
          t.a[L][o],
          unit_name(L, o),
        ]),
        ...(data.alpha ? [[label("L2 term"), null, t.penalty]] : []),
        [symbol.loss(), null, t.J],
      ],
      more,
    };
  },

  deltas(t, l, epoch, shown) {
    const { list, more } = some(shown, l);
    const delta = symbol.delta(l, "i");
    const definition = [delta, equals(), partial(symbol.loss(), symbol.sum(l, "i")), equals()];
    if (l === L) {
      return {
        words: is_canonical
          ? "Loss and output activation belong together: their two derivatives make just output minus target."
          : "The derivative of the loss by the output, times that of the output by its sum.",
        general: is_canonical
          ? [...definition, symbol.out(L, "i"), minus(), symbol.target("i")]
          : [
              ...definition,
              partial(symbol.loss(), symbol.out(L, is_softmax ? "k" : "i")),
              dot(),
              partial(symbol.out(L, is_softmax ? "k" : "i"), symbol.sum(L, "i")),
            ],
        lines: list.map((o) => [
          symbol.delta(L, o),
          is_canonical
            ? [mn(t.a[L][o]), minus(), num(t.Y[o])]
            : is_softmax
              ? null
              : [mn(t.da(L, 0, o)), dot(), num(slope(L, t.a[L][o]))],
          t.delta[L][o],
          unit_name(L, o),
        ]),
        more,
      };
    }
    return {
      words:
        "A unit's sum acts on the loss through every unit above: their deltas come back over the " +
        "same weights, added up, times the slope of the activation.",
      general: [
        ...definition,
        mathml("munder", null, mo("∑"), mi("k")),
        symbol.delta(l + 1, "k"),
        symbol.weight({ l, i: "i", j: "k" }),
        dot(),
        partial(symbol.out(l, "i"), symbol.sum(l, "i")),
      ],
      lines: list.map((i) => [
        symbol.delta(l, i),
        ["(", ...sum_over(l, i, t), ")", dot(), num(slope(l, t.a[l][i]))],
        t.delta[l][i],
      ]),
      more,
    };
  },

  gradients(t, l, epoch, shown) {
    const pairs = shown[l].flatMap((j) => shown[l - 1].map((i) => ({ l: l - 1, i, j })));
    pairs.sort((p, q) => Math.abs(t.gradient(q.l, q.i, q.j)) - Math.abs(t.gradient(p.l, p.i, p.j)));
    const list = pairs.slice(0, STORY_LINES);
    const name = { l: l - 1, i: "j", j: "i" };
    const general = [
      partial(symbol.loss(), symbol.weight(name)),
      equals(),
      symbol.delta(l, "i"),
      dot(),
      symbol.out(l - 1, "j"),
    ];
    if (data.alpha) general.push(mo("+"), "α", symbol.weight(name));
    return {
      words:
        `Delta above times value below${data.alpha ? ", and the L2 term" : ""}. Of a bias it is ` +
        `delta itself. The largest of ${count_of(units[l] * units[l - 1])} weights:`,
      general,
      lines: list.map((w) => {
        const numbers = [num(t.delta[l][w.j]), dot(), num(t.a[l - 1][w.i])];
        if (data.alpha) numbers.push(mo("+"), num(t.l2 * parameter(t.p, w)));
        return [partial(symbol.loss(), symbol.weight(w)), numbers, t.gradient(w.l, w.i, w.j)];
      }),
      more: units[l] * units[l - 1] - list.length,
    };
  },

  updates(t, _, epoch, shown) {
    const all = range(0, L - 1).flatMap((l) =>
      shown[l + 1].flatMap((j) =>
        shown[l].map((i) => {
          const w = parameter(t.p, { l, i, j });
          const { fresh, why } = update_of(epoch, w, t.gradient(l, i, j), { l, i, j });
          return { address: { l, i, j }, w, fresh, why };
        }),
      ),
    );
    const { why } = all[0];
    const size = ({ w, fresh }) => Math.abs((fresh ?? w) - w);
    all.sort((p, q) => size(q) - size(p));
    const list = all.slice(0, STORY_LINES);
    return {
      words:
        why ??
        `What ${solver_name()} makes of the gradients of this row alone. The weights that move most:`,
      general: null,
      lines: list.map(({ address, w, fresh }) => [
        symbol.weight(address),
        fresh === null ? null : [mn(w), label(" becomes ")],
        fresh,
      ]),
      more: data.n_parameters - list.length,
    };
  },
};

function activation_rule(name, z, sum) {
  const one = () => mathml("mn", null, "1");
  const e = (x) => mathml("msup", null, mi("e"), x);
  const fn = (word, ...x) => mrow(mi(word), wrap(...x));
  return {
    identity: () => [z],
    logistic: () => [frac(one(), mrow(one(), mo("+"), e(mrow(minus(), part(z)))))],
    tanh: () => [fn("tanh", part(z))],
    relu: () => [fn("max", mathml("mn", null, "0"), mo(","), part(z))],
    leaky_relu: () => [
      fn(
        "max",
        mrow(mathml("mn", null, "0.01"), dot(), part(z)),
        mo(","),
        part(z.cloneNode?.(true) ?? z),
      ),
    ],
    exp: () => [e(part(z))],
    softmax: () => [
      sum
        ? frac(e(part(z)), mrow(mathml("munder", null, mo("∑"), mi("k")), e(part(sum))))
        : fn("softmax", part(z)),
    ],
  }[name]();
}

function loss_formula(h, y) {
  const sum = () => mathml("munder", null, mo("∑"), mi("i"));
  const one = () => mathml("mn", null, "1");
  const ln = (...x) => mrow(mi("ln"), ...x);
  const [H, Y] = [() => part(h), () => part(y)];
  return {
    squared_error: () => [
      frac(one(), mathml("mn", null, "2")),
      sum(),
      mathml("msup", null, wrap(Y(), minus(), H()), mathml("mn", null, "2")),
    ],
    binary_log_loss: () => [
      minus(),
      sum(),
      Y(),
      ln(H()),
      mo("+"),
      wrap(one(), minus(), Y()),
      ln(wrap(one(), minus(), H())),
    ],
    log_loss: () => [minus(), sum(), Y(), ln(H())],
    poisson: () => [sum(), Y(), ln(frac(Y(), H())), minus(), Y(), mo("+"), H()],
  }[data.loss]();
}
