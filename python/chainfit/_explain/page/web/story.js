// One training step on one row as a story: the sums and outputs of each layer, the loss, deltas
// backward, gradients, updates.

const STORY = [
  { kind: "inputs" },
  ...range(1, L).flatMap((l) => [
    { kind: "sums", l },
    { kind: "outputs", l },
  ]),
  { kind: "loss" },
  ...range(1, L)
    .reverse()
    .flatMap((l) => [
      { kind: "deltas", l },
      { kind: "gradients", l },
    ]),
  { kind: "updates" },
];

const layer_title = (l) => (l === L ? "the outputs" : layer_name(l));

// Of each kind of step: its title, what the picture shows, and which layers and gaps are bright.
const STEPS = {
  inputs: {
    title: () => "The row enters",
    caption: "Nodes: the row's features.",
    near: () => [[0], []],
  },
  sums: {
    title: (l) => `Weighted sums entering ${layer_title(l)}`,
    caption: "Nodes: sums of weight times value below, plus bias. Lines: weights.",
    near: (l) => [[l - 1, l], [l - 1]],
  },
  outputs: {
    title: (l) => `Activation of ${layer_title(l)}`,
    caption: "Nodes: the activation of each sum.",
    near: (l) => [[l], []],
  },
  loss: {
    title: () => "The loss",
    caption: "The outputs against the targets.",
    near: () => [[L], []],
  },
  deltas: {
    title: (l) =>
      l === L ? "Back from the loss: deltas of the outputs" : `Deltas of ${layer_title(l)}`,
    caption: "Nodes: δ, how much J changes with the unit's sum.",
    near: (l) => (l === L ? [[L], []] : [[l, l + 1], [l]]),
  },
  gradients: {
    title: (l) => `Gradients of the weights into ${layer_title(l)}`,
    caption: "Lines: δ of the unit above times the value of the unit below.",
    near: (l) => [[l - 1, l], [l - 1]],
  },
  updates: {
    title: () => "The update",
    caption: "Lines: the weights after the step.",
    near: () => [range(0, L), range(0, L - 1)],
  },
};

const story_title = ({ kind, l }) => STEPS[kind].title(l);

// What the picture shows at a step of the story: what is known by then.
function story_look(state) {
  const { epoch, row, step } = state;
  const t = trace(epoch, row);
  const now = STORY[step];
  const done = (kind, l) => STORY.findIndex((s) => s.kind === kind && s.l === l) <= step;
  const is_back = STORY.findIndex((s) => s.kind === "loss") < step;
  const shows_delta = (l) => l > 0 && is_back && done("deltas", l);
  const node = (l, i) => {
    if (shows_delta(l)) return t.delta[l][i];
    if (l === 0 || done("outputs", l)) return t.a[l][i];
    return done("sums", l) ? t.z[l][i] : null;
  };
  const unit_symbol = (l, i) => {
    if (shows_delta(l)) return symbol.delta(l, i);
    return l > 0 && !done("outputs", l) ? symbol.sum(l, i) : symbol.out(l, i);
  };
  // deltas come back over weights, so the lines that they come over show these
  const shows_gradient = (l) =>
    is_back && done("gradients", l + 1) && !(now.kind === "deltas" && now.l === l);
  const edge = (l, i, j) => {
    const w = parameter(t.p, { l, i, j });
    if (!shows_gradient(l)) return w;
    const g = t.gradient(l, i, j);
    return now.kind === "updates" ? (update_of(epoch, w, g, { l, i, j }).fresh ?? w) : g;
  };
  const [layers, gaps] = STEPS[now.kind].near(now.l);
  return {
    title: `Step ${step + 1} of ${STORY.length}: ${story_title(now)}`,
    caption: STEPS[now.kind].caption,
    node,
    symbol: unit_symbol,
    edge,
    scale: (l) => now.kind !== "updates" && shows_gradient(l),
    loss: done("loss") ? t.J : null,
    to_loss: () => now.kind === "loss" || (now.kind === "deltas" && now.l === L),
    layer: (l) => layers.includes(l),
    gap: (l) => gaps.includes(l),
    target: target_words(t, row),
  };
}
