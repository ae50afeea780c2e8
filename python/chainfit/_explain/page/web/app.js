// The page: its state, the controls that change it, and what is drawn of it.

const VIEWS = ["forward", "backward", "story", "layers"];
const state = {
  view: "forward",
  epoch: data.epochs.length - 1,
  row: 0, // -1: all rows
  step: 0,
  weight: null, // { l, i, j }
  path: null, // one of paths_of(...).shown
};
let last_row = 0; // to come back to from all rows

function change(news) {
  Object.assign(state, news);
  if (["row", "epoch", "weight"].some((key) => key in news) && !("path" in news)) state.path = null;
  if (state.view === "story" && state.row < 0) state.row = last_row;
  if (state.row >= 0) last_row = state.row;
  render();
}

// --- drawing -------------------------------------------------------------------------------------

const LOOKS = { forward: forward_look, backward: backward_look, story: story_look };

function render() {
  const held = focus_key();
  document.body.dataset.view = state.view;
  for (const view of VIEWS) {
    const tab = by_id(`tab-${view}`);
    tab.setAttribute("aria-selected", String(view === state.view));
    tab.tabIndex = view === state.view ? 0 : -1;
  }
  by_id("stage").setAttribute("aria-labelledby", `tab-${state.view}`);
  by_id("address").placeholder = text_name(symbol.weight({ l: 0, i: 0, j: 0 }));
  render_steppers();
  const shown = strongest(trace(state.epoch, state.row), needed_units(state));
  const is_chart = state.view === "layers";
  fill("stage", is_chart ? layers_view(state) : picture_of(shown));
  fill("panel", is_chart ? [] : panel_of(shown));
  if (held) document.querySelector(held)?.focus({ preventScroll: true });
}

const fill = (id, content) => by_id(id).replaceChildren(...content.flat(Infinity).filter(Boolean));

function picture_of(shown) {
  const look = LOOKS[state.view](state);
  const width = Math.max(300, by_id("stage").clientWidth - 2);
  const picture = draw_net(shown, look, state.weight, width, (weight) => change({ weight }));
  const is_whole = shown.every((list, l) => list.length === units[l]);
  return [
    el("p.caption", look.caption),
    el("div.scroll", picture),
    is_whole ? null : el("p.note", { id: "cut" }, CUT),
  ];
}

const CUT =
  `Of layers with more than ${WHOLE} units the ${MOST} strongest are drawn: those that pass most ` +
  "on. All units count in every number; any weight can be chosen by its address.";

const CHOOSE = [
  el("h2", { id: "panel-title" }, "Choose a weight"),
  el(
    "p",
    "Click on a line of the picture, or on a unit for its bias. Its paths to the loss light up, and " +
      "its chain of derivatives appears here, with numbers.",
  ),
  el(
    "p.note",
    "By keyboard: Tab to the picture, arrow keys from weight to weight, Enter to choose. Or write " +
      "its address above.",
  ),
];

function panel_of(shown) {
  const { view, epoch, row, weight, path } = state;
  const story = view === "story" && story_panel(state, shown);
  if (!weight) return story || CHOOSE;
  const chain =
    row < 0
      ? batch_panel(epoch, weight, (row) => change({ row }))
      : row_panel(epoch, row, weight, path, (path) => change({ path }));
  return [story, chain];
}

const COUNTS = { row: rows.n, epoch: data.epochs.length, step: STORY.length };

function render_steppers() {
  const { row, epoch, step } = state;
  const n = count_of(rows.n);
  set_stepper("row", row < 0 ? `all ${n} rows` : `row ${count_of(row + 1)} of ${n}`);
  set_stepper("epoch", data.epochs[epoch].label);
  set_stepper("step", `step ${step + 1} of ${STORY.length}`);
  by_id("all-rows").setAttribute("aria-pressed", String(row < 0));
  by_id("all-rows").disabled = state.view === "story";
  by_id("loss-name").textContent = symbol.loss().base;
  by_id("loss").replaceChildren(number(trace(epoch, row).J, 5));
}

function set_stepper(name, words) {
  const [value, count] = [state[name], COUNTS[name]];
  const range = by_id(`${name}-range`);
  range.max = count - 1;
  if (value >= 0) range.value = value;
  range.setAttribute("aria-valuetext", words);
  by_id(`${name}-words`).textContent = words;
  by_id(`${name}-back`).disabled = value <= 0;
  by_id(`${name}-on`).disabled = value < 0 || value >= count - 1;
  by_id(`${name}-stepper`).hidden = count < 2;
}

// --- focus survives a new drawing ----------------------------------------------------------------

function focus_key() {
  const active = document.activeElement?.closest("[data-address], [data-unit], [data-path]");
  const key = active && ["address", "unit", "path"].find((name) => name in active.dataset);
  return key && `[data-${key}="${active.dataset[key]}"]`;
}

function say(text) {
  by_id("live").textContent = text;
}

// --- controls ------------------------------------------------------------------------------------

const on = (id, event, listener) => by_id(id).addEventListener(event, listener);

function step_by(name, d) {
  const to = Math.min(COUNTS[name] - 1, Math.max(0, state[name] + d));
  change({ [name]: state[name] < 0 ? last_row : to });
  const words = name === "step" && `Step ${state.step + 1}: ${story_title(STORY[state.step])}`;
  say(words || by_id(`${name}-words`).textContent);
}

for (const name of Object.keys(COUNTS)) {
  on(`${name}-back`, "click", () => step_by(name, -1));
  on(`${name}-on`, "click", () => step_by(name, 1));
  on(`${name}-range`, "input", (event) => change({ [name]: Number(event.target.value) }));
}
const toggle_rows = () => change({ row: state.row < 0 ? last_row : -1 });
on("all-rows", "click", toggle_rows);

for (const view of VIEWS) on(`tab-${view}`, "click", () => change({ view }));
on("tabs", "keydown", (event) => {
  const d = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!d) return;
  event.preventDefault();
  event.stopPropagation();
  const view = VIEWS[(VIEWS.indexOf(state.view) + d + VIEWS.length) % VIEWS.length];
  change({ view });
  by_id(`tab-${view}`).focus();
});

on("theme", "click", () => {
  const root = document.documentElement;
  const now =
    root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  say(`${root.dataset.theme} colours`);
});

on("notation", "change", (event) => {
  notation = data.notations[event.target.value];
  change({});
});
by_id("notation").append(
  ...Object.entries(data.notations).map(([name, { summary }]) =>
    el("option", { value: name, selected: name === data.notation }, `${name}: ${summary}`),
  ),
);

on("help", "click", () => by_id("keys").showModal());
on("close", "click", () => by_id("keys").close());

// No form: a notebook's frame doesn't submit any.
function find_weight() {
  const field = by_id("address");
  const found = parse_address(field.value);
  field.setAttribute("aria-invalid", String(Boolean(found.error)));
  by_id("address-error").textContent = found.error ?? "";
  if (found.error) return;
  change({ weight: found, view: state.view === "layers" ? "forward" : state.view });
}
on("show", "click", find_weight);
on("address", "keydown", (event) => event.key === "Enter" && find_weight());

// from unit to unit of the weight's two layers, and from layer to layer, over what is drawn
function move_weight(event) {
  const held = event.target.closest("[data-address]");
  if (!held) return;
  const [l, i, j] = held.dataset.address.split(",").map(Number);
  const shown = strongest(trace(state.epoch, state.row), needed_units(state));
  const next = (list, value, d) => list[(list.indexOf(value) + d + list.length) % list.length];
  const moves = {
    ArrowUp: () =>
      event.shiftKey ? [l, i, next(shown[l + 1], j, -1)] : [l, next(shown[l], i, -1), j],
    ArrowDown: () =>
      event.shiftKey ? [l, i, next(shown[l + 1], j, 1)] : [l, next(shown[l], i, 1), j],
    ArrowRight: () =>
      l + 1 < L ? [l + 1, shown[l + 1].includes(j) ? j : shown[l + 1][0], shown[l + 2][0]] : null,
    ArrowLeft: () => (l > 0 ? [l - 1, shown[l - 1][0], i] : null),
    Enter: () => [l, i, j],
    " ": () => [l, i, j],
    b: () => [l, -1, j],
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  const to = moves[event.key]();
  if (!to) return;
  const weight = { l: to[0], i: to[1], j: to[2] };
  change({ weight });
  document.querySelector(`[data-address="${to.join()}"]`)?.focus({ preventScroll: true });
  const t = trace(state.epoch, state.row);
  const w = text_of(parameter(t.p, weight));
  const g = text_of(t.gradient(weight.l, weight.i, weight.j));
  say(`${text_name(symbol.weight(weight))}: ${w}, gradient ${g}`);
}
on("stage", "keydown", move_weight);

const KEYS = {
  ArrowRight: () => state.view === "story" && step_by("step", 1),
  ArrowLeft: () => state.view === "story" && step_by("step", -1),
  n: () => step_by("row", 1),
  p: () => step_by("row", -1),
  a: () => state.view !== "story" && toggle_rows(),
  ".": () => step_by("epoch", 1),
  ",": () => step_by("epoch", -1),
  ...Object.fromEntries(VIEWS.map((view, n) => [n + 1, () => change({ view })])),
  t: () => by_id("theme").click(),
  Escape: () => change({ weight: null }),
  "?": () => by_id("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  const is_free = !(event.ctrlKey || event.metaKey || event.altKey);
  if (is_free && !event.target.closest("input, select, dialog")) KEYS[event.key]?.();
});

// --- begin ---------------------------------------------------------------------------------------

let drawn_width = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (Math.abs(contentRect.width - drawn_width) < 1) return;
  drawn_width = contentRect.width;
  render();
}).observe(by_id("stage"));

render();

// for the console: the numbers of a row, or of all rows with row -1; a tree as a function
globalThis.chainfit = { data, trace, compile };
