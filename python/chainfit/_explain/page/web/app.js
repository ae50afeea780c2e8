// The page: its state, the controls that change it, and what is drawn of it.

const LOOKS = { forward: forward_look, backward: backward_look, story: story_look };
const VIEWS = [...Object.keys(LOOKS), "layers"];
const state = {
  view: "forward",
  epoch: data.epochs.length - 1,
  row: 0, // -1: all rows
  step: 0,
  weight: null, // { l, i, j }
  path: null, // which one of paths_of(...).shown
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

const by_id = (id) => document.getElementById(id);
const say = (text) => (by_id("live").textContent = text);
const units_shown = () => strongest(trace(state.epoch, state.row), needed_units(state));

function render() {
  const held = choice_at(document.activeElement);
  document.body.dataset.view = state.view;
  for (const [id, news] of Object.entries(controls()))
    for (const [key, value] of Object.entries(news))
      if (key in by_id(id)) by_id(id)[key] = value;
      else by_id(id).setAttribute(key, value);
  const shown = units_shown();
  const is_chart = state.view === "layers";
  fill("loss", number(trace(state.epoch, state.row).J, 5));
  fill("stage", is_chart ? layers_view(state) : picture_of(shown));
  fill("panel", is_chart ? null : panel_of(shown));
  if (held) focus_on(...held);
}

const fill = (id, ...contents) => by_id(id).replaceChildren(...nodes_of(contents));

function picture_of(shown) {
  const look = LOOKS[state.view](state);
  const width = Math.max(300, by_id("stage").clientWidth - 2);
  const picture = draw_net(shown, look, state.weight, width);
  const is_whole = shown.every((list, l) => list.length === units[l]);
  const cut =
    `Of layers with more than ${WHOLE} units the ${MOST} strongest are drawn: those that pass most ` +
    "on. All units count in every number; any weight can be chosen by its address.";
  return [
    el("p.caption", look.caption),
    el("div.scroll", picture),
    !is_whole && el("p.note", { id: "cut" }, cut),
  ];
}

function panel_of(shown) {
  const story = state.view === "story" && story_panel(state, shown);
  if (state.weight) return [story, chain_panel(state)];
  return story || by_id("choose").content.cloneNode(true);
}

// --- controls ------------------------------------------------------------------------------------

const n_rows = count_of(rows.n);
const STEPPERS = {
  row: [rows.n, (n) => (n < 0 ? `all ${n_rows} rows` : `row ${count_of(n + 1)} of ${n_rows}`)],
  epoch: [data.epochs.length, (n) => data.epochs[n].label],
  step: [STORY.length, (n) => `step ${n + 1} of ${STORY.length}`],
};

// What the elements with these ids show of the state, as properties and attributes.
function controls() {
  const { view, row } = state;
  const news = {
    stage: { "aria-labelledby": `tab-${view}` },
    address: { placeholder: text_name(symbol.weight({ l: 0, i: 0, j: 0 })) },
    "all-rows": { "aria-pressed": row < 0, disabled: view === "story" },
    "loss-name": { textContent: symbol.loss().base },
  };
  for (const name of VIEWS)
    news[`tab-${name}`] = { "aria-selected": name === view, tabIndex: name === view ? 0 : -1 };
  for (const [name, [count, words]] of Object.entries(STEPPERS)) {
    const [n, text] = [state[name], words(state[name])];
    const value = n < 0 ? last_row : n;
    news[`${name}-range`] = { max: count - 1, value, "aria-valuetext": text };
    news[`${name}-words`] = { textContent: text };
    news[`${name}-back`] = { disabled: n <= 0 };
    news[`${name}-on`] = { disabled: n < 0 || n >= count - 1 };
    news[`${name}-stepper`] = { hidden: count < 2 };
  }
  return news;
}

function step_by(name, d) {
  const to = Math.min(STEPPERS[name][0] - 1, Math.max(0, state[name] + d));
  change({ [name]: state[name] < 0 ? last_row : to });
  const words = () => `Step ${state.step + 1}: ${story_step(state).title}`;
  say(name === "step" ? words() : by_id(`${name}-words`).textContent);
}

function toggle_theme() {
  const { dataset } = document.documentElement;
  const now = dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "");
  dataset.theme = now === "dark" ? "light" : "dark";
  say(`${dataset.theme} colours`);
}

function find_weight() {
  const { error, ...weight } = parse_address(by_id("address").value);
  by_id("address").setAttribute("aria-invalid", Boolean(error));
  by_id("address-error").textContent = error ?? "";
  if (!error) change({ weight, view: state.view === "layers" ? "forward" : state.view });
}

// What keys do, and buttons with their `data-key`. No form: a notebook's frame doesn't submit any.
const KEYS = {
  ArrowRight: () => state.view === "story" && step_by("step", 1),
  ArrowLeft: () => state.view === "story" && step_by("step", -1),
  n: () => step_by("row", 1),
  p: () => step_by("row", -1),
  a: () => state.view !== "story" && change({ row: state.row < 0 ? last_row : -1 }),
  ".": () => step_by("epoch", 1),
  ",": () => step_by("epoch", -1),
  ...Object.fromEntries(VIEWS.map((view, n) => [n + 1, () => change({ view })])),
  t: toggle_theme,
  Escape: () => change({ weight: null }),
  "?": () => by_id("keys").showModal(),
  close: () => by_id("keys").close(),
  find: find_weight,
};

const address_of = ([l, i, j]) => ({ l, i, j });

// What can be chosen where it is drawn, by its data attribute, and what that changes.
const CHOICES = {
  address: (indices) => ({ weight: address_of(indices) }),
  unit: ([l, i]) => (l > 0 ? { weight: { l: l - 1, i: -1, j: i } } : {}),
  path([n]) {
    const { epoch, row, weight, path } = state;
    if (row < 0) return { row: ranked_rows(trace(epoch, row), weight)[n] };
    return { path: path === n ? null : n };
  },
};

function choice_at(element) {
  const found = element?.closest("[data-address], [data-unit], [data-path]");
  return found && Object.entries(found.dataset).find(([name]) => name in CHOICES);
}

// which is drawn anew after a choice
const focus_on = (name, text) =>
  document.querySelector(`[data-${name}="${text}"]`)?.focus({ preventScroll: true });

document.addEventListener("click", ({ target }) => {
  const [name, text] = choice_at(target) ?? [];
  if (name) change(CHOICES[name](text.split(",").map(Number)));
  else KEYS[target.closest("[data-key]")?.dataset.key]?.();
});

document.addEventListener("input", ({ target: { id, value, dataset } }) => {
  if (id === "notation") {
    notation = data.notations[value];
    change({});
  }
  if (dataset.state) change({ [dataset.state]: Number(value) });
});

// From unit to unit of the weight's two layers, and from layer to layer, over what is drawn.
function move_weight(key, is_shifted, [l, i, j]) {
  const shown = units_shown();
  const next = (list, value, d) => list.at((list.indexOf(value) + d) % list.length);
  const along = (d) =>
    is_shifted ? [l, i, next(shown[l + 1], j, d)] : [l, next(shown[l], i, d), j];
  const moves = {
    ArrowUp: () => along(-1),
    ArrowDown: () => along(1),
    ArrowRight: () => (l + 1 < L ? [l + 1, j, shown[l + 2][0]] : [l, i, j]),
    ArrowLeft: () => (l > 0 ? [l - 1, shown[l - 1][0], i] : [l, i, j]),
    Enter: () => [l, i, j],
    " ": () => [l, i, j],
    b: () => [l, -1, j],
  };
  if (!moves[key]) return false;
  const indices = moves[key]();
  const weight = address_of(indices);
  change({ weight });
  focus_on("address", indices);
  const t = trace(state.epoch, state.row);
  const [w, g] = [parameter(t.p, weight), t.gradient(weight)].map((value) => text_of(value));
  say(`${text_name(symbol.weight(weight))}: ${w}, gradient ${g}`);
  return true;
}

function move_tab(key) {
  const d = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (!d) return false;
  change({ view: VIEWS.at((VIEWS.indexOf(state.view) + d) % VIEWS.length) });
  by_id(`tab-${state.view}`).focus();
  return true;
}

// A key is first for what has the focus, then for the page.
document.addEventListener("keydown", (event) => {
  const { target, key, shiftKey } = event;
  if (target.id === "address" && key === "Enter") find_weight();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input, select, dialog")) return;
  const [name, text] = choice_at(target) ?? [];
  const is_taken =
    (name === "address" && move_weight(key, shiftKey, text.split(",").map(Number))) ||
    (target.matches("[role=tab]") && move_tab(key));
  if (is_taken) event.preventDefault();
  else KEYS[key]?.();
});

// --- begin ---------------------------------------------------------------------------------------

let drawn_width = by_id("stage").getBoundingClientRect().width; // the first drawing stays
new ResizeObserver(([{ contentRect }]) => {
  if (Math.abs(contentRect.width - drawn_width) < 1) return;
  drawn_width = contentRect.width;
  render();
}).observe(by_id("stage"));

render();

// for the console: the numbers of a row, or of all rows with row -1; a tree as a function
globalThis.chainfit = { data, trace, compile, update_of };
