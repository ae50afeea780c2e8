// Making elements, and numbers as text. Text always goes in as text nodes, never as markup.

// el("p.note", { id: "cut" }, "text", child, ...): attributes may be left out, more classes are a
// list, and "--size" is what the style makes of it
function make(namespace, name, contents) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElementNS(namespace, tag);
  const has_attributes = contents[0]?.constructor === Object;
  const { class: more = [], ...attributes } = has_attributes ? contents[0] : {};
  const all = [...classes, ...more].filter(Boolean);
  if (all.length) attributes.class = all.join(" ");
  for (const [name, value] of Object.entries(attributes))
    if (name === "--size") element.style.setProperty(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  element.append(...nodes_of(contents.slice(has_attributes ? 1 : 0)));
  return element;
}

const nodes_of = (contents) => contents.flat(Infinity).filter((child) => child || child === 0);

const el = (tag, ...contents) => make("http://www.w3.org/1999/xhtml", tag, contents);
const svg = (tag, ...contents) => make("http://www.w3.org/2000/svg", tag, contents);
const mathml = (tag, ...contents) => make("http://www.w3.org/1998/Math/MathML", tag, contents);

// --- numbers as text -----------------------------------------------------------------------------

const signed = (text) => text.replace(/^-/, "\u2212"); // a real minus sign

// [digits, power of ten or null] with so many significant digits
function scientific(value, digits) {
  if (!Number.isFinite(value))
    return [Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "\u2212∞", null];
  if (value === 0) return ["0", null];
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) {
    const fixed = Number(value.toPrecision(digits));
    return [signed(String(fixed)), null];
  }
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  return [signed(String(Number(mantissa))), signed(String(Number(power)))];
}

// for tables and labels: 0.01234, 2.97e−8
function text_of(value, digits = 4) {
  const [mantissa, power] = scientific(value, digits);
  return power === null ? mantissa : `${mantissa}e${power}`;
}

// for a node or an edge: five characters or so
function brief(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return text_of(value);
  if (Number.isInteger(value) && size < 1e4) return signed(String(value));
  if (size >= 1e4 || size < 0.005)
    return signed(value.toExponential(0).replace("e+", "e").replace("e-", "e\u2212"));
  return signed(value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2));
}

// a number that a reader, or a script, can have in full
const number = (value, digits) =>
  el("data", { value: String(value), title: String(value) }, text_of(value, digits));

const count_of = (n) => (n < 1e15 ? n.toLocaleString("en-US") : text_of(n, 3));
const plural = (n, word) => `${count_of(n)} ${word}${n === 1 ? "" : "s"}`;
