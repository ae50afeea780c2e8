// The net as a picture: units in columns, weights as lines, the loss at the end. What stands in a
// node and on an edge is said by a "look" (see views.js).

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
// readable on a phone. Circles are as large as the widest number in one of them wants it.
function layout(shown, width, look) {
  const most = Math.max(...shown.map((s) => s.length));
  const narrow = width < 560;
  const size = most > 8 ? 10 : narrow ? 11 : 12;
  const radius = radius_around(values_of(shown, look), size, most > 8 ? 17 : narrow ? 19 : 21);
  const gap = Math.max(2 * radius + 23, Math.min(104, 440 / most));
  const top = 66;
  const half = Math.max(24, measure(value_text(look.loss), 12) / 2 + 6);
  const column = Math.max(
    74,
    2 * radius + 24,
    (width - radius - half - (narrow ? 16 : 52)) / (L + 0.92),
  );
  const left = radius + (narrow ? 12 : 22);
  const height = top + most * gap + 8;
  const place = shown.map((list, l) => {
    const step = Math.min((most * gap) / list.length, 1.5 * gap);
    const first = top + (most * gap - step * list.length) / 2 + step / 2 - 6;
    return new Map(list.map((i, n) => [i, { x: left + l * column, y: first + n * step, step }]));
  });
  const loss = { x: left + (L + 0.92) * column, y: top + (most * gap) / 2 - 6, half };
  return { place, loss, radius, size, column, height, width: Math.max(width, loss.x + half + 2) };
}

const value_text = (value) => (value === null ? "" : brief(value));
const values_of = (shown, look) =>
  shown.flatMap((list, l) => list.map((i) => value_text(look.node(l, i))));

const same = (p, q) => p && q && p.l === q.l && p.i === q.i && p.j === q.j;

// 0..1 for colour and width: roots, so that small ones are still seen
const weight_of = (value, top) =>
  top > 0 && Number.isFinite(value) ? Math.sqrt(Math.abs(value) / top) : 0;
const sign_of = (value) => (value > 0 ? "plus" : value < 0 ? "minus" : "zero");

// look: see views.js. selected: { l, i, j }, i < 0 for a bias; choose(address) is called with the one
// clicked on.
function draw_net(shown, look, selected, width, choose) {
  const at = { ...layout(shown, width, look), look, selected, choose };
  at.labels = shown.map((list, l) => new Map(list.map((i) => [i, unit_labels(l, i, at, look)])));
  const bottoms = at.labels.flatMap((of_layer) =>
    [...of_layer.values()].flat().map((b) => b.bottom),
  );
  at.height = Math.max(at.height, ...bottoms.map((bottom) => bottom + 4));
  const to_loss = [...at.place[L]].map(([o, { x, y }]) =>
    svg(`path.to-loss${look.to_loss?.(o) ? ".lit" : ""}`, {
      d: `M${x + at.radius},${y}L${at.loss.x - at.loss.half},${at.loss.y}`,
    }),
  );
  const { halo, lines, labels } = draw_edges(edge_list(shown, look), at);
  const { width: across, height } = at;
  return svg(
    `svg.net${selected ? ".chosen" : ""}`,
    {
      viewBox: `0 0 ${across} ${height}`,
      width: across,
      height,
      role: "group",
      "aria-label": look.title,
    },
    column_heads(shown, at),
    svg("g", { "aria-hidden": true }, halo, to_loss),
    svg("g", lines),
    svg("g.edge-labels", { "aria-hidden": true }, labels),
    shown.map((list, l) => {
      const top = Math.max(...list.map((i) => Math.abs(look.node(l, i) ?? 0)));
      return list.map((i) => draw_node(l, i, at, top));
    }),
    draw_loss(at),
  );
}

function column_heads(shown, at) {
  const heads = units.map((n, l) => {
    const { x } = at.place[l].values().next().value;
    const role = l === 0 ? "inputs" : l === L ? "outputs" : "hidden";
    const count = shown[l].length < n ? `${shown[l].length} of ${count_of(n)}` : plural(n, "unit");
    return svg(
      "text.head",
      { y: 14 },
      [...new Set([layer_name(l).replace("the ", ""), role, count])].map((words, line) =>
        svg("tspan", { x, dy: line ? 15 : 0, class: line ? null : "strong" }, words),
      ),
    );
  });
  heads.push(svg("text.head.strong", { x: at.loss.x, y: 14 }, "loss"));
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

// What a number on an edge must keep clear of: the units on both sides, and what stands there.
function taken_beside(l, at) {
  return [l, l + 1].flatMap((m) =>
    [...at.place[m]].flatMap(([i, { x, y }]) => {
      const r = at.radius + 1;
      return [{ left: x - r, right: x + r, top: y - r, bottom: y + r }, ...at.labels[m].get(i)];
    }),
  );
}

// The lines of all weights, those of equal scale to one scale, and numbers where they have room.
function draw_edges(edges, at) {
  const tops = new Map();
  for (const { scale, value } of edges)
    tops.set(scale, Math.max(tops.get(scale) ?? 0, Math.abs(value ?? 0)));
  const focus = at.selected?.i >= 0 ? at.selected : edges[0]?.address;
  const drawn = { halo: [], lines: [], labels: [] };
  for (const l of range(0, L - 1)) {
    const gap = edges.filter((edge) => edge.address.l === l);
    const taken = taken_beside(l, at);
    const place = label_place(
      gap.filter(({ value }) => value !== null),
      at,
      taken,
    );
    for (const edge of gap) {
      const is_chosen = same(edge.address, at.selected);
      const tab = same(edge.address, focus) ? 0 : -1;
      const path = edge_path(edge.address, at);
      drawn.lines.push(draw_edge(edge, path, at, tops.get(edge.scale), is_chosen, tab));
      if (is_chosen) drawn.halo.push(svg("path.halo", { d: path }));
      if (edge.value === null) continue;
      const t = place ?? (is_chosen ? free_place([edge], at, taken) : null);
      if (t !== null) drawn.labels.push(draw_label(edge_label(edge, at, t, is_chosen)));
    }
  }
  return drawn;
}

function edge_path({ l, i, j }, { place, radius }) {
  const [from, to] = [place[l].get(i), place[l + 1].get(j)];
  return `M${from.x + radius},${from.y}L${to.x - radius},${to.y}`;
}

function draw_edge({ address, value, lit, active }, path, at, top, is_chosen, tab) {
  const { l, i, j } = address;
  // where many lines cross, small ones step back
  const is_dense = at.place[l].size * at.place[l + 1].size > 50;
  const own = weight_of(value, top) ** (is_dense ? 2 : 1);
  const size = lit && !is_chosen ? Math.max(lit, 0.1) : own;
  const shade = active ? (is_dense ? 0.08 : 0.22) + 0.73 * size : 0.08;
  const style = {
    d: path,
    "stroke-width": (0.7 + 5 * size).toFixed(2),
    "stroke-opacity": (is_chosen ? 1 : shade).toFixed(2),
  };
  const sign = value === null ? "zero" : sign_of(value);
  const words = `weight ${text_name(symbol.weight(address))}, ${value === null ? "" : text_of(value)}`;
  return svg(
    `g.edge${is_chosen ? ".chosen" : ""}${lit > 0 ? ".lit" : ""}`,
    {
      role: "button",
      tabindex: tab,
      "aria-label": words,
      "aria-pressed": String(is_chosen),
      "data-address": `${l},${i},${j}`,
      onclick: () => at.choose(address),
    },
    svg(`path.line.${sign}`, style),
    svg("path.hit", { d: path }),
    svg("title", words),
  );
}

function draw_node(l, i, at, top) {
  const { look } = at;
  const { x, y } = at.place[l].get(i);
  const value = look.node(l, i);
  const dead = look.dead?.(l, i);
  const address = { l: l - 1, i: -1, j: i };
  const is_chosen = same(address, at.selected);
  const is_off = look.layer?.(l) === false;
  const words = [
    `${l === 0 ? "input" : l === L ? "output" : "unit"} ${text_name(look.symbol(l, i))}`,
    unit_name(l, i),
    value === null ? null : text_of(value),
    l === L && look.target?.(i),
    dead,
    l > 0 && `click for its bias ${text_name(symbol.weight(address))}`,
  ].filter(Boolean);
  const classes = ["node", is_off && "off", dead && "dead", is_chosen && "chosen"].filter(Boolean);
  const circle = { cx: x, cy: y, r: at.radius };
  const bias = {
    role: "button",
    tabindex: -1,
    "aria-pressed": String(is_chosen),
    onclick: () => at.choose(address),
  };
  return svg(
    `g.${classes.join(".")}`,
    {
      "aria-label": words.join(", "),
      "data-unit": `${l},${i}`,
      ...(l > 0 ? bias : { role: "img" }),
    },
    svg("title", words.join("\n")),
    svg("circle.back", circle),
    svg(`circle.fill.${value === null ? "zero" : sign_of(value)}`, {
      ...circle,
      "fill-opacity": value === null ? 0 : (0.1 + 0.5 * weight_of(value, top)).toFixed(2),
    }),
    dead && svg("path.cross", { d: `M${x - 6},${y - at.radius - 6}l12,12m0,-12l-12,12` }),
    svg("text.value", { x, y: y + 4, "font-size": at.size }, value_text(value)),
    at.labels[l].get(i).map(draw_label),
  );
}

function draw_loss({ loss: { x, y, half }, look: { loss } }) {
  return svg(
    "g.loss",
    { role: "img", "aria-label": `loss ${text_of(loss ?? NaN)}` },
    svg("rect", { x: x - half, y: y - 24, width: 2 * half, height: 48, rx: 8 }),
    svg("text.symbol", { x, y: y - 4 }, svg_name(symbol.loss())),
    svg("text.value", { x, y: y + 13 }, value_text(loss)),
  );
}
