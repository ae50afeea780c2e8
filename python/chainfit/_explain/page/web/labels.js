// Texts in the picture: how wide they are, what of them fits, and where they are in nobody's way.
// Each stands on a rectangle in the colour of the card, so that no line shows through it.

const TEXT = 12; // size of names, in pixels
const EDGE_TEXT = 11;
const LINE = 14; // from one line of a name to the next

const pen = document.createElement("canvas").getContext("2d");

function measure(text, size, weight = 400) {
  pen.font = `${weight} ${size}px system-ui, sans-serif`;
  return pen.measureText(text).width;
}

// A text with its place, the middle of its baseline or its start, and the box around it.
const label_at = (x, y, parts, width, size, kind = ["name"], left = x - width / 2) => ({
  ...{ x, y, parts, kind },
  box: { x: left - 2, y: y - 0.85 * size - 1, width: width + 4, height: 1.1 * size + 2 },
});

const draw_label = ({ x, y, parts, kind, box }) => [
  svg("rect.behind", { ...box, rx: 3 }),
  svg("text", { x, y, class: kind }, parts),
];

const overlap = (p, q) =>
  p.x < q.x + q.width && q.x < p.x + p.width && p.y < q.y + q.height && q.y < p.y + p.height;

// --- what fits -----------------------------------------------------------------------------------

// As much of a text as has room: names often differ at their end, so the middle is left out.
function shorten(text, room, size) {
  if (measure(text, size) <= room) return text;
  const letters = [...text];
  const join = (from, to) => letters.slice(from, to).join("");
  const keep = (n) => `${join(0, Math.ceil(n / 2))}…${join(letters.length - Math.floor(n / 2))}`;
  let n = Math.min(letters.length - 1, 60); // wider than any room, and a name may have no end
  while (n > 0 && measure(keep(n), size) > room) n--;
  return keep(n);
}

// A name in up to `most` lines, broken at its blanks.
function wrap_name(name, room, most) {
  const words = name.split(/\s+/).filter(Boolean);
  const lines = [];
  while (words.length && lines.length < most) {
    let line = words.shift();
    if (lines.length === most - 1) line = [line, ...words.splice(0)].join(" ");
    while (words.length && measure(`${line} ${words[0]}`, TEXT) <= room)
      line += ` ${words.shift()}`;
    lines.push(shorten(line, room, TEXT));
  }
  return lines.length ? lines : [name];
}

// A symbol's parts and width; of code the indices stay: activ…[2][0].
function fit_symbol(sign, room) {
  if (!sign.code) {
    const small = [sign.sub, sign.sup].map((text) => measure(text ?? "", 0.72 * TEXT));
    const width = measure(sign.base + (sign.after ?? ""), TEXT) + small[0] + small[1];
    return [svg_name(sign), width];
  }
  const at = sign.code.indexOf("[");
  const indices = sign.code.slice(at);
  const text = shorten(sign.code.slice(0, at), room - measure(indices, TEXT), TEXT) + indices;
  return [text, measure(text, TEXT)];
}

// The radius of a circle around the widest of some texts.
const radius_around = (texts, size, least) =>
  Math.max(least, ...texts.map((text) => Math.hypot(measure(text, size) / 2, 0.4 * size) + 3));

// --- where they stand ----------------------------------------------------------------------------

// What stands at a unit: its name or symbol below, and the target of an output there or beside.
function node_labels({ l, i, x, y, step, symbol: sign }, { column, radius, loss, look }) {
  const half = column / 2 - 4;
  const edge = Math.max(4, x - half); // the first column ends at the picture's edge
  const room = x + half - edge;
  const name = unit_name(l, i);
  const target = (l === L && look.target(i)) || null;
  const lines_below = Math.max(1, Math.floor((step - 2 * radius - 9) / LINE));
  const most = Math.max(1, Math.min(3, target ? lines_below - 1 : lines_below));
  const texts =
    name === null
      ? [fit_symbol(sign, room)]
      : wrap_name(name, room, most).map((line) => [line, measure(line, TEXT)]);
  const target_width = target && measure(target, TEXT);
  const is_below = target && texts.length < lines_below;
  if (is_below) texts.push([target, target_width]);
  const labels = texts.map(([parts, width], n) => {
    const middle = Math.max(x, edge + width / 2);
    return label_at(middle, y + radius + 13 + n * LINE, parts, width, TEXT);
  });
  const beside = x + radius + 6;
  if (target && !is_below && beside + target_width + 6 < loss.x - loss.half)
    labels.push(label_at(beside, y + 4, target, target_width, TEXT, ["name", "beside"], beside));
  return labels;
}

// The number of an edge at t, 0 at the unit that it leaves, 1 at the one that it enters.
function edge_label({ from, to, value }, { radius }, t, is_chosen) {
  const x = from.x + radius + t * (to.x - from.x - 2 * radius);
  const y = from.y + t * (to.y - from.y) + 4;
  const text = brief(value);
  const kind = ["edge-label", sign_of(value), is_chosen && "chosen"];
  return label_at(x, y, text, measure(text, EDGE_TEXT, 700), EDGE_TEXT, kind);
}

// Where along its edges the numbers of a gap have room, all at the same t, or null. First comes
// the t at which the lines of all pairs are evenly apart: s / (s + n s') for sources s and n
// targets s' apart.
function label_place(from, to, edges, at, taken) {
  if (edges.length > 16) return null;
  const is_fan = from.length === 1 || to.length === 1;
  const even = is_fan ? 0.42 : from[0].step / (from[0].step + to.length * to[0].step);
  return free_place(edges, at, taken, even);
}

// A t at which the numbers of these edges are apart, and clear of what is there; or null.
function free_place(edges, at, taken, first = 0.5) {
  const is_free = (t) => {
    const boxes = edges.map((edge) => edge_label(edge, at, t).box);
    return boxes.every((p, n) => ![...taken, ...boxes.slice(0, n)].some((q) => overlap(p, q)));
  };
  return [first, ...range(4, 16).map((n) => n / 20)].find(is_free) ?? null;
}
