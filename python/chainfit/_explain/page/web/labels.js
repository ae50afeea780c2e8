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

// A text with its place: the middle of its baseline, or its start.
const label_at = (x, y, parts, width, size, { kind = "name", start = false } = {}) => ({
  x,
  y,
  parts,
  kind: start ? `${kind} beside` : kind,
  left: (start ? x : x - width / 2) - 2,
  right: (start ? x : x - width / 2) + width + 2,
  top: y - 0.85 * size - 1,
  bottom: y + 0.25 * size + 1,
});

const draw_label = ({ x, y, parts, kind, left, right, top, bottom }) => [
  svg("rect.behind", {
    x: left,
    y: top,
    width: right - left,
    height: bottom - top,
    rx: 3,
  }),
  svg("text", { x, y, class: kind }, parts),
];

const overlap = (p, q) =>
  p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom;

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
function unit_labels(l, i, at, look) {
  const { x, y, step } = at.place[l].get(i);
  const half = at.column / 2 - 4;
  const edge = Math.max(4, x - half); // the first column ends at the picture's edge
  const room = x + half - edge;
  const name = unit_name(l, i);
  const target = (l === L && look.target?.(i)) || null;
  const lines_below = Math.max(1, Math.floor((step - 2 * at.radius - 9) / LINE));
  const most = Math.max(1, Math.min(3, target ? lines_below - 1 : lines_below));
  const texts =
    name === null
      ? [fit_symbol(look.symbol(l, i), room)]
      : wrap_name(name, room, most).map((line) => [line, measure(line, TEXT)]);
  const target_width = target && measure(target, TEXT);
  const is_below = target && texts.length < lines_below;
  if (is_below) texts.push([target, target_width]);
  const labels = texts.map(([parts, width], n) => {
    const middle = Math.max(x, edge + width / 2);
    return label_at(middle, y + at.radius + 13 + n * LINE, parts, width, TEXT);
  });
  const beside = x + at.radius + 6;
  if (target && !is_below && beside + target_width + 6 < at.loss.x - at.loss.half)
    labels.push(label_at(beside, y + 4, target, target_width, TEXT, { start: true }));
  return labels;
}

// The number of an edge at t, 0 at the unit that it leaves, 1 at the one that it enters.
function edge_label({ address: { l, i, j }, value }, at, t, is_chosen) {
  const from = at.place[l].get(i);
  const to = at.place[l + 1].get(j);
  const x = from.x + at.radius + t * (to.x - from.x - 2 * at.radius);
  const y = from.y + t * (to.y - from.y) + 4;
  const text = brief(value);
  const kind = `edge-label ${sign_of(value)} ${is_chosen ? "chosen" : ""}`;
  return label_at(x, y, text, measure(text, EDGE_TEXT, 700), EDGE_TEXT, { kind });
}

// Where along its edges the numbers of a gap have room, all at the same t, or null. First comes
// the t at which the lines of all pairs are evenly apart: s / (s + n s') for sources s and n
// targets s' apart.
function label_place(edges, at, taken) {
  if (!edges.length) return null;
  const { l } = edges[0].address;
  const [from, to] = [at.place[l], at.place[l + 1]];
  if (from.size * to.size > 16) return null;
  const s = from.values().next().value.step;
  const s_to = to.values().next().value.step;
  const even = from.size === 1 || to.size === 1 ? 0.42 : s / (s + to.size * s_to);
  return free_place(edges, at, taken, even);
}

// A t at which the numbers of these edges are apart, and clear of what is there; or null.
function free_place(edges, at, taken, first = 0.5) {
  const tried = [first, ...range(4, 16).map((n) => n / 20)];
  return (
    tried.find((t) =>
      are_apart(
        edges.map((e) => edge_label(e, at, t)),
        taken,
      ),
    ) ?? null
  );
}

const are_apart = (labels, taken) =>
  labels.every(
    (p, n) => !taken.some((q) => overlap(p, q)) && !labels.slice(0, n).some((q) => overlap(p, q)),
  );
