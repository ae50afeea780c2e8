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
  if ("row" in news || "epoch" in news || "weight" in news) {
    if (!("path" in news)) state.path = null;
  }
  if (state.view === "story" && state.row < 0) state.row = last_row;
  if (state.row >= 0) last_row = state.row;
  render();
}

// --- drawing -------------------------------------------------------------------------------------

function look_of() {
  return { forward: forward_look, backward: backward_look, story: story_look }[state.view](state);
}

function render() {
  const held = focus_key();
  const is_chart = state.view === "layers";
  document.body.dataset.view = state.view;
  for (const view of VIEWS) {
    const tab = by_id(`tab-${view}`);
    tab.setAttribute("aria-selected", String(view === state.view));
    tab.tabIndex = view === state.view ? 0 : -1;
  }
  by_id("stage").setAttribute("aria-labelledby", `tab-${state.view}`);
  by_id("address").placeholder = text_name(symbol.weight({ l: 0, i: 0, j: 0 }));
  render_steppers();
  const stage = by_id("stage");
  if (is_chart) {
    stage.replaceChildren(...layers_view(state).filter(Boolean));
    by_id("panel").replaceChildren();
  } else {
    const t = trace(state.epoch, state.row);
    const shown = strongest(t, needed_units(state));
    const look = look_of();
    const width = Math.max(300, stage.clientWidth - 2);
    const picture = draw_net(shown, look, state.weight, width, (weight) => change({ weight }));
    const part_of = shown.some((list, l) => list.length < units[l]);
    stage.replaceChildren(
      el("p.caption", look.caption),
      el("div.scroll", picture),
      ...(part_of ? [el("p.note", { id: "cut" }, CUT)] : []),
    );
    render_panel(shown);
  }
  focus_again(held);
}

const CUT =
  `Of layers with more than ${WHOLE} units the ${MOST} strongest are drawn: those that pass most ` +
  "on. All units count in every number; any weight can be chosen by its address.";

function render_panel(shown) {
  const panel = by_id("panel");
  const content = [];
  if (state.view === "story") content.push(...story_panel(state, shown));
  if (state.weight) {
    content.push(
      ...(state.row < 0
        ? batch_panel(state.epoch, state.weight, (row) => change({ row }))
        : row_panel(state.epoch, state.row, state.weight, state.path, (path) => change({ path }))),
    );
  } else if (state.view !== "story") {
    content.push(
      el("h2", { id: "panel-title" }, "Choose a weight"),
      el(
        "p",
        "Click on a line of the picture, or on a unit for its bias. Its paths to the loss light " +
          "up, and its chain of derivatives appears here, with numbers.",
      ),
      el(
        "p.note",
        "By keyboard: Tab to the picture, arrow keys from weight to weight, Enter to choose. Or " +
          "write its address above.",
      ),
    );
  }
  panel.replaceChildren(...content.flat(Infinity).filter(Boolean));
}

function render_steppers() {
  const n = rows.n;
  set_stepper(
    "row",
    state.row,
    n,
    state.row < 0 ? `all ${count_of(n)} rows` : `row ${count_of(state.row + 1)} of ${count_of(n)}`,
  );
  by_id("all-rows").setAttribute("aria-pressed", String(state.row < 0));
  by_id("all-rows").disabled = state.view === "story";
  set_stepper("epoch", state.epoch, data.epochs.length, data.epochs[state.epoch].label);
  set_stepper("step", state.step, STORY.length, `step ${state.step + 1} of ${STORY.length}`);
  by_id("loss-name").textContent = symbol.loss().base;
  by_id("loss").replaceChildren(number(trace(state.epoch, state.row).J, 5));
}

function set_stepper(name, value, count, words) {
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
  const active = document.activeElement?.closest?.("[data-address], [data-unit], .path");
  if (!active) return null;
  if (active.dataset.address) return `[data-address="${active.dataset.address}"]`;
  if (active.dataset.unit) return `[data-unit="${active.dataset.unit}"]`;
  return { path: [...document.querySelectorAll(".path")].indexOf(active) };
}

function focus_again(key) {
  if (!key) return;
  const element =
    key.path === undefined
      ? document.querySelector(key)
      : document.querySelectorAll(".path")[key.path];
  element?.focus({ preventScroll: true });
}

function say(text) {
  by_id("live").textContent = text;
}

// --- controls ------------------------------------------------------------------------------------

const STEPS = {
  row: (d) => {
    if (state.row < 0) return change({ row: last_row });
    change({ row: Math.min(rows.n - 1, Math.max(0, state.row + d)) });
    say(by_id("row-words").textContent);
  },
  epoch: (d) => {
    change({ epoch: Math.min(data.epochs.length - 1, Math.max(0, state.epoch + d)) });
    say(by_id("epoch-words").textContent);
  },
  step: (d) => {
    change({ step: Math.min(STORY.length - 1, Math.max(0, state.step + d)) });
    say(`Step ${state.step + 1}: ${story_title(STORY[state.step])}`);
  },
};

for (const [name, move] of Object.entries(STEPS)) {
  by_id(`${name}-back`).addEventListener("click", () => move(-1));
  by_id(`${name}-on`).addEventListener("click", () => move(1));
  by_id(`${name}-range`).addEventListener("input", (event) =>
    change({ [name]: Number(event.target.value) }),
  );
}
by_id("all-rows").addEventListener("click", () => change({ row: state.row < 0 ? last_row : -1 }));

for (const view of VIEWS) by_id(`tab-${view}`).addEventListener("click", () => change({ view }));
by_id("tabs").addEventListener("keydown", (event) => {
  const d = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!d) return;
  event.preventDefault();
  event.stopPropagation();
  const view = VIEWS[(VIEWS.indexOf(state.view) + d + VIEWS.length) % VIEWS.length];
  change({ view });
  by_id(`tab-${view}`).focus();
});

by_id("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const now =
    root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  say(`${root.dataset.theme} colours`);
});

by_id("notation").addEventListener("change", (event) => {
  notation = data.notations[event.target.value];
  change({});
});
by_id("notation").append(
  ...Object.entries(data.notations).map(([name, { summary }]) =>
    el("option", { value: name, selected: name === data.notation }, `${name}: ${summary}`),
  ),
);

by_id("help").addEventListener("click", () => by_id("keys").showModal());
by_id("close").addEventListener("click", () => by_id("keys").close());

// No form: a notebook's frame doesn't submit any.
function find_weight() {
  const field = by_id("address");
  const found = parse_address(field.value);
  field.setAttribute("aria-invalid", String(Boolean(found.error)));
  by_id("address-error").textContent = found.error ?? "";
  if (found.error) return;
  change({ weight: found, view: state.view === "layers" ? "forward" : state.view });
}
by_id("show").addEventListener("click", find_weight);
by_id("address").addEventListener("keydown", (event) => {
  if (event.key === "Enter") find_weight();
});

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
by_id("stage").addEventListener("keydown", move_weight);

const KEYS = {
  ArrowRight: () => state.view === "story" && STEPS.step(1),
  ArrowLeft: () => state.view === "story" && STEPS.step(-1),
  n: () => STEPS.row(1),
  p: () => STEPS.row(-1),
  a: () => state.view !== "story" && change({ row: state.row < 0 ? last_row : -1 }),
  ".": () => STEPS.epoch(1),
  ",": () => STEPS.epoch(-1),
  1: () => change({ view: "forward" }),
  2: () => change({ view: "backward" }),
  3: () => change({ view: "story" }),
  4: () => change({ view: "layers" }),
  t: () => by_id("theme").click(),
  Escape: () => change({ weight: null }),
  "?": () => by_id("keys").showModal(),
};
document.addEventListener("keydown", (event) => {
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.closest("input, select, dialog")
  )
    return;
  if (KEYS[event.key]) KEYS[event.key]();
});

// --- begin ---------------------------------------------------------------------------------------

let drawn_width = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (Math.abs(contentRect.width - drawn_width) < 1) return;
  drawn_width = contentRect.width;
  render();
}).observe(by_id("stage"));

render();

// for the console: the numbers of a row, or of all rows with row -1
globalThis.chainfit = { data, trace };
