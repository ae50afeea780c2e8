// The net as a picture: units in columns, weights as lines, the loss at the end. What stands in a
// node and on an edge is said by a "look" (see views.js).

const MOST = 12; // units of a layer that are shown; a layer of up to 16 is shown whole
const WHOLE = 16;

// Units of each layer to draw: those that pass most on, |a_i| times the sum of |w_ij|, on average
// over the rows at hand, and those in `needed` (a list of [l, i]).
function strongest(t, needed) {
  return units.map((n, l) => {
    if (n <= WHOLE) return indices_of(l);
    const strength = indices_of(l).map((i) => {
      const size = total(t.rows, ({ a }) => Math.abs(a[l][i]));
      if (l === L) return size;
      const at = index_of({ l, i, j: 0 });
      return size * total(t.p[l].subarray(at, at + units[l + 1]), Math.abs);
    });
    const chosen = largest(strength.keys(), (i) => strength[i], MOST);
    const others = needed.filter(([layer]) => layer === l).map(([, i]) => i);
    return [...new Set([...chosen, ...others])].sort((p, q) => p - q);
  });
}

const value_text = (value) => (value === null ? "" : brief(value));

// What there is to draw, with its place in pixels: the picture is drawn for the width at hand, so
// that text stays readable on a phone. Circles are as large as the widest number in one of them
// wants it.
function layout(shown, width, look) {
  const most = Math.max(...shown.map((list) => list.length));
  const narrow = width < 560;
  const nodes = shown.map((list, l) => list.map((i) => ({ l, i, ...look.unit(l, i) })));
  const texts = nodes.flat().map(({ value }) => value_text(value));
  const size = most > 8 ? 10 : narrow ? 11 : 12;
  const radius = radius_around(texts, size, most > 8 ? 17 : narrow ? 19 : 21);
  const gap = Math.max(2 * radius + 23, Math.min(104, 440 / most));
  const top = 66;
  const half = Math.max(24, measure(value_text(look.loss), 12) / 2 + 6);
  const room = (width - radius - half - (narrow ? 16 : 52)) / (L + 0.92);
  const column = Math.max(74, 2 * radius + 24, room);
  const left = radius + (narrow ? 12 : 22);
  const loss = { x: left + (L + 0.92) * column, y: top + (most * gap) / 2 - 6, half };
  const at = { nodes, loss, radius, size, column, look };
  for (const list of nodes) {
    const step = Math.min((most * gap) / list.length, 1.5 * gap);
    const first = top + (most * gap - step * list.length) / 2 + step / 2 - 6;
    list.forEach((node, n) => {
      Object.assign(node, { x: left + node.l * column, y: first + n * step, step });
      node.labels = node_labels(node, at);
    });
  }
  const bottoms = nodes
    .flat()
    .flatMap(({ labels }) => labels.map(({ box }) => box.y + box.height + 4));
  const height = Math.max(top + most * gap + 8, ...bottoms);
  return { ...at, height, width: Math.max(width, loss.x + half + 2) };
}

const same = (p, q) => Boolean(p && q) && p.l === q.l && p.i === q.i && p.j === q.j;

// 0..1 for colour and width: roots, so that small ones are still seen
const weight_of = (value, top) =>
  top > 0 && Number.isFinite(value) ? Math.sqrt(Math.abs(value) / top) : 0;
const sign_of = (value) => (value > 0 ? "plus" : value < 0 ? "minus" : "zero");
const largest_size = (values) => Math.max(0, ...values.map((value) => Math.abs(value ?? 0)));

// selected: { l, i, j }, i < 0 for a bias
function draw_net(shown, look, selected, width) {
  const at = { ...layout(shown, width, look), selected };
  const { nodes, loss, radius, height, width: across } = at;
  const to_loss = nodes[L].map(({ i, x, y }) =>
    svg("path.to-loss", {
      class: [look.to_loss?.(i) && "lit"],
      d: `M${x + radius},${y}L${loss.x - loss.half},${loss.y}`,
    }),
  );
  const { halo, lines, labels } = draw_edges(at);
  return svg(
    "svg.net",
    {
      ...{ viewBox: `0 0 ${across} ${height}`, width: across, height },
      class: [selected && "chosen"],
      role: "group",
      "aria-label": look.title,
    },
    column_heads(at),
    svg("g", { "aria-hidden": true }, halo, to_loss),
    svg("g", lines),
    svg("g.edge-labels", { "aria-hidden": true }, labels),
    nodes.map((list) => {
      const top = largest_size(list.map(({ value }) => value));
      return list.map((node) => draw_node(node, at, top));
    }),
    draw_loss(at),
  );
}

function column_heads({ nodes, loss }) {
  const heads = nodes.map((list, l) => {
    const role = l === 0 ? "inputs" : l === L ? "outputs" : "hidden";
    const n = units[l];
    const count = list.length < n ? `${list.length} of ${count_of(n)}` : plural(n, "unit");
    const lines = [...new Set([layer_name(l).replace("the ", ""), role, count])];
    return svg(
      "text.head",
      { y: 14 },
      lines.map((words, line) =>
        svg("tspan", { x: list[0].x, dy: line ? 15 : 0, class: [!line && "strong"] }, words),
      ),
    );
  });
  return [heads, svg("text.head.strong", { x: loss.x, y: 14 }, "loss")];
}

// The lines of all weights, those of equal scale to one scale, and numbers where they have room.
function draw_edges(at) {
  const { nodes, look, selected } = at;
  const gaps = range(0, L - 1).map((l) =>
    nodes[l + 1].flatMap((to) =>
      nodes[l].map((from) => {
        const address = { l, i: from.i, j: to.i };
        return { from, to, address, value: look.edge(address) };
      }),
    ),
  );
  const scale = look.scale ?? (() => null);
  const focus = selected?.i >= 0 ? selected : gaps[0][0].address;
  const drawn = { halo: [], lines: [], labels: [] };
  gaps.forEach((gap, l) => {
    const alike = gaps.flatMap((other, m) => (scale(m) === scale(l) ? other : []));
    const top = largest_size(alike.map(({ value }) => value));
    // what a number must keep clear of: the units on both sides, and what stands there
    const taken = [...nodes[l], ...nodes[l + 1]].flatMap(({ x, y, labels }) => {
      const r = at.radius + 1;
      const circle = { x: x - r, y: y - r, width: 2 * r, height: 2 * r };
      return [circle, ...labels.map(({ box }) => box)];
    });
    const place = label_place(nodes[l], nodes[l + 1], gap, at, taken);
    for (const edge of gap) {
      const is_chosen = same(edge.address, selected);
      const { from, to } = edge;
      const path = `M${from.x + at.radius},${from.y}L${to.x - at.radius},${to.y}`;
      const tab = same(edge.address, focus) ? 0 : -1;
      drawn.lines.push(draw_edge(edge, path, weight_of(edge.value, top), tab, is_chosen, at));
      if (is_chosen) drawn.halo.push(svg("path.halo", { d: path }));
      const t = place ?? (is_chosen ? free_place([edge], at, taken) : null);
      if (t !== null) drawn.labels.push(draw_label(edge_label(edge, at, t, is_chosen)));
    }
  });
  return drawn;
}

// what can be chosen
const button = (is_chosen, tabindex) => ({ role: "button", tabindex, "aria-pressed": is_chosen });

function draw_edge({ address, value }, path, own, tab, is_chosen, { nodes, look }) {
  const { l, i, j } = address;
  const lit = look.lit?.(address) ?? 0;
  const is_dim = look.is_bright?.(1, l) === false;
  // where many lines cross, small ones step back
  const is_dense = nodes[l].length * nodes[l + 1].length > 50;
  const size = lit && !is_chosen ? Math.max(lit, 0.1) : own ** (is_dense ? 2 : 1);
  const words = `weight ${text_name(symbol.weight(address))}, ${text_of(value)}`;
  return svg(
    "g.edge",
    {
      ...button(is_chosen, tab),
      class: [is_chosen && "chosen", lit && "lit", is_dim && "dim", is_dense && "dense"],
      "aria-label": words,
      "data-address": `${l},${i},${j}`,
    },
    svg(`path.line.${sign_of(value)}`, { d: path, "--size": size }),
    svg("path.hit", { d: path }),
    svg("title", words),
  );
}

function draw_node({ l, i, x, y, symbol: name, value, labels }, at, top) {
  const { look, radius } = at;
  const dead = look.dead?.(l, i);
  const address = { l: l - 1, i: -1, j: i };
  const is_chosen = same(address, at.selected);
  const is_dim = look.is_bright?.(0, l) === false;
  const words = [
    `${l === 0 ? "input" : l === L ? "output" : "unit"} ${text_name(name)}`,
    unit_name(l, i),
    value === null ? null : text_of(value),
    l === L && look.target(i),
    dead,
    l > 0 && `click for its bias ${text_name(symbol.weight(address))}`,
  ].filter(Boolean);
  const circle = { cx: x, cy: y, r: radius };
  return svg(
    "g.node",
    {
      class: [is_dim && "dim", dead && "dead", is_chosen && "chosen"],
      "aria-label": words.join(", "),
      "data-unit": `${l},${i}`,
      ...(l > 0 ? button(is_chosen, -1) : { role: "img" }),
    },
    svg("title", words.join("\n")),
    svg("circle.back", circle),
    svg(`circle.fill.${sign_of(value)}`, { ...circle, "--size": weight_of(value, top) }),
    dead && svg("path.cross", { d: `M${x - 6},${y - radius - 6}l12,12m0,-12l-12,12` }),
    svg("text.value", { x, y: y + 4, "font-size": at.size }, value_text(value)),
    labels.map(draw_label),
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
