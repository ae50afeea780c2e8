// Making elements, and numbers as text. Text always goes in as text nodes, never as markup.

function make(namespace, tag, attributes, children) {
  const element = namespace
    ? document.createElementNS(namespace, tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style")
      for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined),
  );
  return element;
}

const el = (tag, attributes, ...children) => make(null, tag, attributes, children);
const svg = (tag, attributes, ...children) =>
  make("http://www.w3.org/2000/svg", tag, attributes, children);
const mathml = (tag, attributes, ...children) =>
  make("http://www.w3.org/1998/Math/MathML", tag, attributes, children);

const by_id = (id) => document.getElementById(id);

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
  return signed(
    size >= 99.95 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2),
  );
}

// a number that a reader, or a script, can have in full
const number = (value, digits) =>
  el("data", { value: String(value), title: String(value) }, text_of(value, digits));

const count_of = (n) => (n < 1e15 ? n.toLocaleString("en-US") : text_of(n, 3));
const plural = (n, word) => `${count_of(n)} ${word}${n === 1 ? "" : "s"}`;

// --- formulas ------------------------------------------------------------------------------------

const mi = (name) => mathml("mi", null, name);
const mo = (sign, attributes) => mathml("mo", attributes, sign);
const wrap = (...parts) => {
  const is_tall = parts.some((p) => p.localName === "mfrac");
  const tight = { stretchy: String(is_tall), lspace: "0", rspace: "0" };
  return mrow(mo("(", tight), ...parts, mo(")", tight));
};
const mrow = (...parts) => mathml("mrow", null, ...parts);
const frac = (above, below) => mathml("mfrac", null, above, below);
const minus = () => mo("\u2212");
const equals = () => mo("=");
const dot = () => mo("·", { lspace: "0.15em", rspace: "0.15em" });
const label = (words) => mathml("mtext", null, words);
const aside = (words) => mathml("mtext", { class: "aside" }, words); // says something of a number

function mn(value, { digits = 4, brackets = false } = {}) {
  const [mantissa, power] = scientific(value, digits);
  const whole = mathml("mrow", { "data-value": String(value) }, mathml("mn", null, mantissa));
  if (power !== null) {
    const ten = mathml("msup", null, mathml("mn", null, "10"), mathml("mn", null, power));
    whole.append(mo("·", { lspace: "0.05em", rspace: "0.05em" }), ten);
  }
  return brackets && value < 0 ? wrap(whole) : whole;
}

// indices in a row: letters are slanted, numbers and commas are not
function indices(text) {
  if (!text) return null;
  return mrow(...text.match(/\p{L}|\P{L}+/gu).map((p) => (/\p{L}/u.test(p) ? mi(p) : label(p))));
}

// a part of a formula: a symbol of a notation, a text for a letter or sign, or an
// element, of which a copy is taken where it stands elsewhere already
function part(thing) {
  if (thing instanceof Element) return thing.parentNode ? thing.cloneNode(true) : thing;
  if (typeof thing === "string") return /^[\p{L}]+$/u.test(thing) ? mi(thing) : mo(thing);
  if (thing.code) return mathml("mtext", { class: "code" }, thing.code);
  const base = mi(thing.base);
  const sub = thing.word ? label(thing.word) : indices(thing.sub);
  const sup = thing.sup && label(thing.sup);
  const whole =
    sub && sup
      ? mathml("msubsup", null, base, sub, sup)
      : sub
        ? mathml("msub", null, base, sub)
        : base;
  return thing.after ? mrow(whole, mathml("mtext", null, thing.after)) : whole;
}

const partial = (above, below) => frac(mrow(mi("∂"), part(above)), mrow(mi("∂"), part(below)));

// one line of a formula; its parts may break between lines on a narrow screen
const formula = (...lines) =>
  el(
    "div",
    { class: "formula" },
    lines.map((parts) =>
      el(
        "div",
        { class: "line" },
        parts.map((p) => mathml("math", { displaystyle: "true" }, part(p))),
      ),
    ),
  );

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);
