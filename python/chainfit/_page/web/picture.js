// The net as a picture: units in columns, weights as lines, the loss at the end. What stands in a
// node and on an edge is told by a "look" (see views.js).

const MOST = 12; // units of a layer that are shown; a layer of up to 16 is shown whole
const WHOLE = 16;

// Units of each layer to draw: those that pass most on, |a_i| times the sum of |w_ij|, on average
// over the rows at hand, and those in `needed` (a list of [l, i]).
function strongest(t, needed) {
  return units.map((n, l) => {
    if (n <= WHOLE) return [...Array(n).keys()];
    const strength = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let out = 1;
      if (l < L) {
        out = 0;
        for (let j = 0, at = i * units[l + 1]; j < units[l + 1]; j++, at++)
          out += Math.abs(t.p.W[l][at]);
      }
      for (let r = 0; r < t.count; r++) strength[i] += Math.abs(t.a[l][r * n + i]) * out;
    }
    const chosen = [...strength.keys()].sort((p, q) => strength[q] - strength[p]).slice(0, MOST);
    for (const [layer, i] of needed) if (layer === l && !chosen.includes(i)) chosen.push(i);
    return chosen.sort((p, q) => p - q);
  });
}

// Where things are, in pixels: the picture is drawn for the width at hand, so that text stays
// readable on a phone.
function layout(shown, width) {
  const most = Math.max(...shown.map((s) => s.length));
  const narrow = width < 560;
  const radius = most > 8 ? 15 : narrow ? 17 : 21;
  const gap = Math.max(2 * radius + 22, Math.min(104, 440 / most));
  const top = 66;
  const column = Math.max(74, (width - 2 * radius - (narrow ? 36 : 76)) / (L + 1));
  const left = radius + (narrow ? 12 : 22);
  const height = top + most * gap + 8;
  const place = shown.map((list, l) => {
    const step = Math.min((most * gap) / list.length, 1.5 * gap);
    const first = top + (most * gap - step * list.length) / 2 + step / 2 - 6;
    return new Map(list.map((i, n) => [i, { x: left + l * column, y: first + n * step, step }]));
  });
  const loss = { x: left + (L + 0.92) * column, y: top + (most * gap) / 2 - 6 };
  const labels = units.slice(1).map((_, l) => label_place(place[l], place[l + 1], column, radius));
  return { place, labels, loss, radius, column, height, width: Math.max(width, loss.x + 34) };
}

const same = (p, q) => p && q && p.l === q.l && p.i === q.i && p.j === q.j;

// 0..1 for colour and width: roots, so that small ones are still seen
const weight_of = (value, top) =>
  top > 0 && Number.isFinite(value) ? Math.sqrt(Math.abs(value) / top) : 0;
const sign_of = (value) => (value > 0 ? "plus" : value < 0 ? "minus" : "zero");

// look: { title, node(l, i), edge(l, i, j), loss, gap(l), layer(l), lit(l, i, j), dead(l, i) }
// selected: { l, i, j }, i < 0 for a bias; choose(address) is called with the one clicked on.
function draw_net(shown, look, selected, width, choose) {
  const at = layout(shown, width);
  const root = svg("svg", {
    viewBox: `0 0 ${at.width} ${at.height}`,
    width: at.width,
    height: at.height,
    role: "group",
    "aria-label": look.title,
    class: selected ? "net chosen" : "net",
  });
  root.append(...column_heads(shown, at));
  const edges = edge_list(shown, look);
  const tops = new Map();
  for (const { scale, value } of edges)
    tops.set(scale, Math.max(tops.get(scale) ?? 0, Math.abs(value ?? 0)));
  const focus = selected && selected.i >= 0 ? selected : edges[0]?.address;
  const under = svg("g", { "aria-hidden": true });
  const lines = svg("g");
  const labels = svg("g", { class: "edge-labels", "aria-hidden": true });
  root.append(under, lines, labels);
  for (const edge of edges) {
    const is_chosen = same(edge.address, selected);
    const drawn = draw_edge(
      edge,
      at,
      tops.get(edge.scale),
      is_chosen,
      same(edge.address, focus),
      choose,
    );
    lines.append(drawn.element);
    if (is_chosen) under.append(svg("path", { d: drawn.path, class: "halo" }));
    if (edge.value !== null && (is_chosen || at.labels[edge.address.l] !== null))
      labels.append(edge_label(edge, at, is_chosen));
  }
  for (const [o, p] of at.place[L]) {
    const to_loss = `M${p.x + at.radius},${p.y}L${at.loss.x - 24},${at.loss.y}`;
    under.append(svg("path", { d: to_loss, class: `to-loss ${look.to_loss?.(o) ? "lit" : ""}` }));
  }
  shown.forEach((list, l) => {
    const tops = list.reduce((m, i) => Math.max(m, Math.abs(look.node(l, i) ?? 0)), 0);
    for (const i of list) root.append(draw_node(l, i, look, at, tops, selected, choose));
  });
  root.append(draw_loss(look, at));
  return root;
}

function column_heads(shown, at) {
  const heads = units.map((n, l) => {
    const { x } = at.place[l].values().next().value;
    const role = l === 0 ? "inputs" : l === L ? "outputs" : "hidden";
    const count = shown[l].length < n ? `${shown[l].length} of ${count_of(n)}` : plural(n, "unit");
    return svg(
      "text",
      { y: 14, class: "head" },
      [...new Set([notation.layer(l), role, count])].map((words, line) =>
        svg("tspan", { x, dy: line ? 15 : 0, class: line ? null : "strong" }, words),
      ),
    );
  });
  heads.push(svg("text", { x: at.loss.x, y: 14, class: "head strong" }, "loss"));
  return heads;
}

function edge_list(shown, look) {
  const edges = [];
  for (let l = 0; l < L; l++)
    for (const j of shown[l + 1])
      for (const i of shown[l])
        edges.push({
          address: { l, i, j },
          value: look.edge(l, i, j),
          lit: look.lit?.(l, i, j) ?? null,
          active: look.gap?.(l) ?? true,
          scale: look.scale?.(l) ?? null,
        });
  return edges;
}

function draw_edge({ address, value, lit, active }, at, top, is_chosen, is_focus, choose) {
  const { l, i, j } = address;
  const from = at.place[l].get(i);
  const to = at.place[l + 1].get(j);
  const path = `M${from.x + at.radius},${from.y}L${to.x - at.radius},${to.y}`;
  // where many lines cross, small ones step back
  const is_dense = at.place[l].size * at.place[l + 1].size > 50;
  const own = weight_of(value, top) ** (is_dense ? 2 : 1);
  const size = lit && !is_chosen ? Math.max(lit, 0.1) : own;
  const shade = active ? (is_dense ? 0.08 : 0.22) + 0.73 * size : 0.08;
  const visible = svg("path", {
    d: path,
    class: `line ${value === null ? "zero" : sign_of(value)}`,
    "stroke-width": (0.7 + 5 * size).toFixed(2),
    "stroke-opacity": (is_chosen ? 1 : shade).toFixed(2),
  });
  const words = `weight ${text_name(symbol.weight(address))}, ${value === null ? "" : text_of(value)}`;
  const element = svg(
    "g",
    {
      class: `edge ${is_chosen ? "chosen" : ""} ${lit !== null && lit > 0 ? "lit" : ""}`,
      role: "button",
      tabindex: is_focus ? 0 : -1,
      "aria-label": words,
      "aria-pressed": String(is_chosen),
      "data-address": `${l},${i},${j}`,
      onclick: () => choose(address),
    },
    visible,
    svg("path", { d: path, class: "hit" }),
    svg("title", null, words),
  );
  return { element, path };
}

// Where along its edges the numbers of a gap have room, or null: at the distance t at which the
// lines of all pairs are evenly apart, t = s / (s + n s') for sources s and n targets s' apart.
function label_place(from, to, column, radius) {
  if (from.size * to.size > 16) return null;
  const s = from.values().next().value.step;
  const s_to = to.values().next().value.step;
  const inner = column - 2 * radius;
  const middle = 26 / inner; // half a number away from the node
  const t = Math.max(middle, from.size === 1 || to.size === 1 ? 0.42 : s / (s + to.size * s_to));
  const apart = to.size === 1 ? (1 - t) * s : t * s_to;
  return apart >= 14 && inner >= 62 && t < 0.6 ? t : null;
}

function edge_label({ address: { l, i, j }, value }, at, is_chosen) {
  const from = at.place[l].get(i);
  const to = at.place[l + 1].get(j);
  const t = at.labels[l] ?? 0.5;
  const x = from.x + at.radius + t * (to.x - from.x - 2 * at.radius);
  const y = from.y + t * (to.y - from.y) + 4;
  const style = `edge-label ${sign_of(value)} ${is_chosen ? "chosen" : ""}`;
  return svg("text", { x, y, class: style }, brief(value));
}

function draw_node(l, i, look, at, tops, selected, choose) {
  const { x, y } = at.place[l].get(i);
  const value = look.node(l, i);
  const name = unit_name(l, i);
  const sign = look.symbol(l, i);
  const dead = look.dead?.(l, i);
  const address = { l: l - 1, i: -1, j: i };
  const is_chosen = same(address, selected);
  const is_off = look.layer?.(l) === false;
  const room = Math.max(5, Math.floor((at.column - 12) / 6.4)); // letters
  const words = [
    `${l === 0 ? "input" : l === L ? "output" : "unit"} ${text_name(sign)}`,
    name,
    value === null ? "" : text_of(value),
    (l === L && look.target?.(i)) ?? "",
    dead ?? "",
    l > 0 ? `click for its bias ${text_name(symbol.weight(address))}` : "",
  ];
  const below = name === null ? svg_name(sign) : shorten(name, room);
  const text = value === null ? "" : brief(value);
  return svg(
    "g",
    {
      class: ["node", is_off && "off", dead && "dead", is_chosen && "chosen"]
        .filter(Boolean)
        .join(" "),
      role: l > 0 ? "button" : "img",
      tabindex: l > 0 ? -1 : null,
      "aria-label": words.filter(Boolean).join(", "),
      "aria-pressed": l > 0 ? String(is_chosen) : null,
      "data-unit": `${l},${i}`,
      onclick: l > 0 ? () => choose(address) : null,
    },
    svg("title", null, words.filter(Boolean).join("\n")),
    svg("circle", { cx: x, cy: y, r: at.radius, class: "back" }),
    svg("circle", {
      cx: x,
      cy: y,
      r: at.radius,
      class: `fill ${value === null ? "zero" : sign_of(value)}`,
      "fill-opacity": value === null ? 0 : (0.1 + 0.5 * weight_of(value, tops)).toFixed(2),
    }),
    dead && svg("path", { d: `M${x - 6},${y - at.radius - 6}l12,12m0,-12l-12,12`, class: "cross" }),
    svg("text", { x, y: y + 4, class: text.length > 5 ? "value long" : "value" }, text),
    svg("text", { x, y: y + at.radius + 13, class: "name" }, below),
    l === L ? draw_target(look.target?.(i), at, i) : null,
  );
}

// the target of an output: below its name where there is room, else beside it
function draw_target(words, at, o) {
  if (!words) return null;
  const { x, y, step } = at.place[L].get(o);
  if (step >= 2 * at.radius + 34)
    return svg("text", { x, y: y + at.radius + 27, class: "name" }, words);
  if (at.column < 100) return null;
  return svg("text", { x: x + at.radius + 5, y: y + 4, class: "name beside" }, words);
}

const shorten = (text, room) => (text.length > room ? `${text.slice(0, room - 1)}…` : text);

function draw_loss(look, at) {
  const { x, y } = at.loss;
  return svg(
    "g",
    { class: "loss", role: "img", "aria-label": `loss ${text_of(look.loss ?? NaN)}` },
    svg("rect", { x: x - 24, y: y - 24, width: 48, height: 48, rx: 8 }),
    svg("text", { x, y: y - 4, class: "symbol" }, svg_name(symbol.loss())),
    svg("text", { x, y: y + 13, class: "value" }, look.loss === null ? "" : brief(look.loss)),
  );
}
