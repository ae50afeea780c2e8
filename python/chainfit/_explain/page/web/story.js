// One training step on one row as a story: the sums and outputs of each layer, the loss, deltas
// backward, gradients, updates. To change a step: its entry in `TOLD`.

const backward = range(1, L).reverse();
const STORY = [
  ["inputs", 0],
  ...range(1, L).flatMap((l) => ["sums", "outputs"].map((kind) => [kind, l])),
  ["loss", L],
  ...backward.flatMap((l) => ["deltas", "gradients"].map((kind) => [kind, l])),
  ["updates", L],
];

const and_penalties = data.penalties.map(({ words }) => `, and the ${words}`).join("");

// Of each kind of step: its title, what the picture shows, which layers and gaps are bright there,
// its words and general formula a = b = ..., and lines [leaf, rule with numbers, name] of the units
// of a layer, or of the `largest` weights. q are the row's quantities, g those in general.
const TOLD = {
  inputs: (l, g) => ({
    title: "The row enters",
    caption: "Nodes: the row's features.",
    bright: [[0], []],
    words: "Each feature is the value of an input unit.",
    general: [g.a(0, "i"), { symbol: { base: "x", sub: "i" } }],
    line: (q, i) => [q.a(0, i), null, unit_name(0, i)],
  }),

  sums: (l, g) => ({
    title: `Weighted sums entering ${layer_title(l)}`,
    caption: "Nodes: sums of weight times value below, plus bias. Lines: weights.",
    bright: [[l - 1, l], [l - 1]],
    words:
      "First of two steps: every value of the layer below times its weight, added up, plus the " +
      "bias.",
    general: [g.z(l, "i"), g.weighted_sum(l, "i")],
    line: (q, j) => [q.z(l, j), q.weighted_sum(l, j)],
  }),

  outputs: (l, g) => ({
    title: `Activation of ${layer_title(l)}`,
    caption: "Nodes: the activation of each sum.",
    bright: [[l], []],
    words: `Second step: the activation, ${rules[l].name.replace("_", " ")}.`,
    general: [g.a(l, "i"), g.activation_rule(l, "i")],
    line(q, i) {
      const tree = q.activation_rule(l, i);
      const is_shown = Array.isArray(tree) && Number.isFinite(value_of(tree));
      return [q.a(l, i), is_shown ? tree : null, unit_name(l, i)];
    },
  }),

  loss: (l, g, t) => ({
    title: "The loss",
    caption: "The outputs against the targets.",
    bright: [[L], []],
    words:
      `The ${loss.name.replaceAll("_", " ")} of this row` +
      `${and_penalties}.`,
    general: [{ symbol: symbol.loss() }, general_loss()],
    line(q, o) {
      const { symbol, value } = q.y(o);
      const target = [label("target "), part(symbol), equals(), mn(value)];
      return [q.a(L, o), { words: target }, unit_name(L, o)];
    },
    last: [
      ...data.penalties.map(({ words }, n) => [{ symbol: label(words), value: t.penalties[n] }]),
      [{ symbol: symbol.loss(), value: t.J }],
    ],
  }),

  deltas: (l, g) => ({
    title: l === L ? "Back from the loss: deltas of the outputs" : `Deltas of ${layer_title(l)}`,
    caption: "Nodes: δ, how much J changes with the unit's sum.",
    bright: l === L ? [[L], []] : [[l, l + 1], [l]],
    words:
      l < L
        ? "A unit's sum acts on the loss through every unit above: their deltas come back over the " +
          "same weights, added up, times the slope of the activation."
        : data.canonical
          ? "Loss and output activation belong together: their two derivatives make just output " +
            "minus target."
          : "The derivative of the loss with respect to the output, times that of the output " +
            "with respect to its sum.",
    general: [g.delta(l, "i"), g.dJ_dz(l, "i"), g.delta_rule(l, "i")],
    line: (q, i) => [q.delta(l, i), q.delta_rule(l, i), l === L && unit_name(L, i)],
  }),

  gradients(l, g) {
    const at = { l: l - 1, i: "j", j: "i" };
    const n = units[l] * units[l - 1];
    return {
      title: `Gradients of the weights into ${layer_title(l)}`,
      caption: "Lines: δ of the unit above times the value of the unit below.",
      bright: [[l - 1, l], [l - 1]],
      words:
        `Delta above times value below${and_penalties}. Of a bias it is ` +
        `delta itself. The largest of ${count_of(n)} weights:`,
      general: [g.dJ_dw(at), with_penalties(g.gradient_rule(at), g.penalties(at))],
      largest: { gaps: [l - 1], n, size: (q, at) => q.dJ_dw(at).value },
      line: (q, at) => [q.dJ_dw(at), with_penalties(q.gradient_rule(at), q.penalties(at))],
    };
  },

  updates(l, g, t, epoch) {
    const old = (at) => parameter(t.p, at);
    const fresh = (at) => update_of(epoch, t, at).fresh;
    return {
      title: "The update",
      caption: "Lines: the weights after the step.",
      bright: [range(0, L), range(0, L - 1)],
      words:
        update_of(epoch, t, { l: 0, i: 0, j: 0 }).why ??
        `What ${solver.words} makes of the gradients of this row alone. The weights that move ` +
          "most:",
      largest: {
        gaps: range(0, L - 1),
        n: total(lengths),
        size: (q, at) => (fresh(at) ?? old(at)) - old(at),
      },
      line(q, at) {
        const value = fresh(at);
        const becomes = { words: [mn(old(at)), label(" becomes ")] };
        return [{ ...q.w(at), value }, value === null ? null : becomes];
      },
    };
  },
};

function story_step({ epoch, row, step }) {
  const [kind, l] = STORY[step];
  const told = TOLD[kind](l, in_general(), trace(epoch, row), epoch);
  return { kind, l, where: `Step ${step + 1} of ${STORY.length}`, ...told };
}

const STORY_LINES = 8;

// the step in words, as a general formula, and with the row's numbers
function story_panel(state, shown) {
  const { l, where, title, words, general, line, last = [], largest: weights } = story_step(state);
  const t = trace(state.epoch, state.row);
  const q = quantities(t);
  const weights_of = (l) => shown[l + 1].flatMap((j) => shown[l].map((i) => ({ l, i, j })));
  const size = (at) => Math.abs(weights.size(q, at));
  const all = weights ? weights.gaps.flatMap(weights_of) : shown[l];
  const told = weights ? largest(all, size, STORY_LINES) : all.slice(0, STORY_LINES);
  const more = (weights ? weights.n : units[l]) - told.length;
  const table_line = ([{ value, ...what }, rule, name]) => {
    const [middle, of] = [rule && (rule.words ?? numbers(rule)), rule?.words ? null : rule];
    return rule_line(symbols(what), middle, of, value, null, name);
  };
  const lines = [...told.map((unit) => line(q, unit, t.rows[0])), ...last];
  return [
    el("p.where", where),
    panel_title(title),
    el("p", words),
    general && formula(chain_of(...general)),
    el("table.factors.story", el("tbody", lines.map(table_line))),
    more > 0 && note(`and ${count_of(more)} more`),
  ];
}

// What the picture shows at a step of the story: what is known by then.
function story_look(state) {
  const { epoch, row, step } = state;
  const t = trace(epoch, row);
  const q = quantities(t);
  const now = story_step(state);
  const { kind, l: layer } = now;
  const done = (kind, l) => STORY.findIndex((s) => s[0] === kind && s[1] === l) <= step;
  // deltas come back over weights, so the lines that they come over show these
  const shows_gradient = (l) => done("gradients", l + 1) && !(kind === "deltas" && layer === l);
  return {
    title: `${now.where}: ${now.title}`,
    caption: now.caption,
    unit(l, i) {
      if (l > 0 && done("deltas", l)) return q.delta(l, i);
      if (l === 0 || done("outputs", l)) return q.a(l, i);
      return done("sums", l) ? q.z(l, i) : { symbol: symbol.z(l, i), value: null };
    },
    edge(at) {
      if (!shows_gradient(at.l)) return parameter(t.p, at);
      if (kind !== "updates") return t.gradient(at);
      return update_of(epoch, t, at).fresh ?? parameter(t.p, at);
    },
    scale: (l) => kind !== "updates" && shows_gradient(l),
    loss: done("loss", L) ? t.J : null,
    to_loss: () => kind === "loss" || (kind === "deltas" && layer === L),
    is_bright: (layers_or_gaps, l) => now.bright[layers_or_gaps].includes(l),
    target: target_words(t, row),
  };
}
