// Formulas as MathML: trees in symbols or in numbers, and equations that say = or ≈.

const mi = (name) => mathml("mi", name);
const mo = (sign, attributes = {}) => mathml("mo", attributes, sign);
const mrow = (...parts) => mathml("mrow", parts);
const frac = (above, below) => mathml("mfrac", above, below);
const label = (words) => mathml("mtext", words);
const equals = () => mo("=");
const dot = (space = "0.15em") => mo("·", { lspace: space, rspace: space });

const LONG = 7; // parts, signs among them
const is_tall = (element) => element.localName === "mfrac" || element.querySelector("mfrac");

// Brackets grow with a fraction; between the parts of long ones that don't, a line may break.
function brackets(parts, [open, close] = "()") {
  const grow = parts.some(is_tall);
  const sign = (text) => mo(text, { stretchy: String(grow), lspace: "0", rspace: "0" });
  if (grow || parts.length < LONG) return [mrow(sign(open), parts, sign(close))];
  return [mrow(sign(open), parts[0]), ...parts.slice(1, -1), mrow(parts.at(-1), sign(close))];
}

function mn(value, digits = 4) {
  const [mantissa, power] = scientific(value, digits);
  const ten = () => [dot("0.05em"), mathml("msup", mathml("mn", "10"), mathml("mn", power))];
  const parts = [mathml("mn", mantissa), power !== null && ten()];
  return mathml("mrow", { "data-value": String(value) }, parts);
}

// letters of indices are slanted, numbers and commas are not
const indices = (text) =>
  mrow(text.match(/\p{L}|\P{L}+/gu).map((p) => (/\p{L}/u.test(p) ? mi(p) : label(p))));

// a symbol of notation.js, a rule's name for one, or an element
function part(symbol) {
  if (symbol instanceof Element) return symbol;
  if (typeof symbol === "string") return part(rule_symbol(symbol));
  if (symbol.code) return mathml("mtext.code", symbol.code);
  const below = symbol.word ? label(symbol.word) : symbol.sub && indices(symbol.sub);
  const above = symbol.sup && label(symbol.sup);
  const base = mi(symbol.base);
  const whole = below ? mathml(above ? "msubsup" : "msub", base, below, above) : base;
  return symbol.after ? mrow(whole, label(symbol.after)) : whole;
}

const partial = (top, bottom) => frac(mrow(mi("∂"), part(top)), mrow(mi("∂"), part(bottom)));

// --- trees ---------------------------------------------------------------------------------------
// Leaves: { symbol }, { partial: [top, bottom] }, { over, body } for a sum over an index, and
// { count } for terms that are left out; each with a value.

// How tightly the parts of a formula hold together.
const [SUM, PRODUCT, ATOM] = [0, 1, 2];
const TIGHTNESS = { Sum: SUM, Negative: PRODUCT, Product: PRODUCT };

function tightness(tree, n) {
  if (Array.isArray(tree)) return TIGHTNESS[tree[0]] ?? ATOM;
  if (n && typeof tree === "object") return scientific(tree.value, 4)[1] === null ? ATOM : PRODUCT;
  return tree.body ? PRODUCT : ATOM;
}

function leaf(tree, n) {
  const { count, over, body } = tree;
  if (n && count)
    return [mn(tree.value), mathml("mtext.aside", ` (${plural(count, "more term")})`)];
  if (n) return [mn(tree.value)];
  if (count) return [label(`… ${count_of(count)} more`)];
  if (tree.partial) return [partial(...tree.partial)];
  if (!body) return [part(tree.symbol)];
  const sign = over ? mathml("munder", mo("∑"), part({ base: over })) : mo("∑");
  return [sign, ...inside(body, n, PRODUCT)];
}

// Each kind as elements, in numbers or not; a line may break between them.
const WRITERS = {
  Negative: (n, of) => [mo("\u2212"), ...inside(of, n, PRODUCT, false)],
  Sum: (n, first, ...others) => [
    ...inside(first, n, SUM),
    ...others.flatMap((term) => {
      const [is_negative, size] = split_sign(term, n);
      if (is_negative) return [mo("\u2212"), ...inside(size, n, PRODUCT, false)];
      return [mo("+"), ...inside(size, n, SUM)];
    }),
  ],
  Product: (n, ...factors) =>
    factors.flatMap((f, k) => [...(k ? [dot()] : []), ...inside(f, n, PRODUCT, k === 0)]),
  Quotient: (n, top, bottom) => [frac(whole(top, n), whole(bottom, n))],
  Power(n, base, exponent) {
    const { symbol, partial } = base;
    const is_name = typeof symbol === "string"; // of a rule, perhaps with a word below
    const is_fraction = Array.isArray(base) && base[0] === "Quotient";
    const is_raised =
      is_fraction || (!n && (partial || (is_name ? symbol.includes(" ") : symbol?.sup)));
    const parts = inside(base, n, ATOM, false);
    return [mathml("msup", mrow(is_raised ? brackets(parts) : parts), whole(exponent, n))];
  },
  Apply(n, name, argument) {
    const x = write(argument, n);
    if (name === "sqrt") return [mathml("msqrt", x)];
    if (name === "exp") return [mathml("msup", mi("e"), mrow(x))];
    return name === "abs" ? brackets(x, "||") : [mi(name), ...brackets(x)];
  },
  Case(n, ...parts) {
    const [f, yes, no] = parts.map((part) => write(part, n));
    const [if_, else_] = ["if", "else"].map((word) => label(`\u00a0${word}\u00a0`));
    return brackets([yes, if_, f, mo(">"), mn(0), else_, no].flat());
  },
};

function write(tree, in_numbers) {
  if (typeof tree === "number") return [mn(tree)];
  if (!Array.isArray(tree)) return leaf(tree, in_numbers);
  const [kind, ...parts] = tree;
  return WRITERS[kind](in_numbers, ...parts);
}

const whole = (tree, in_numbers) => mrow(write(tree, in_numbers));
const symbols = (tree) => write(tree, false);
const numbers = (tree) => write(tree, true);

// in brackets where it is too loose, or negative but not at the front
function inside(tree, in_numbers, at_least, is_first = true) {
  const is_negative = !is_first && split_sign(tree, in_numbers)[0];
  const parts = write(tree, in_numbers);
  return is_negative || tightness(tree, in_numbers) < at_least ? brackets(parts) : parts;
}

// [whether it begins with a minus, the tree without]
function split_sign(tree, in_numbers) {
  if (typeof tree === "number") return [tree < 0, Math.abs(tree)];
  if (!Array.isArray(tree))
    return in_numbers && tree.value < 0 ? [true, { ...tree, value: -tree.value }] : [false, tree];
  const [kind, first, ...others] = tree;
  if (kind === "Negative") return [true, first];
  if (kind !== "Product" && kind !== "Quotient") return [false, tree];
  const [is_negative, size] = split_sign(first, in_numbers);
  return [is_negative, [kind, size, ...others]];
}

// --- equations -----------------------------------------------------------------------------------

// = where the numbers as they are shown make the value as it is shown, to its last digit, otherwise
// ≈; null where a formula is but one number, or makes none
function relation(tree, value, digits = 4) {
  if (!Array.isArray(tree)) return null;
  const made = compile(tree, (x) => Number(x.toPrecision(digits)))({});
  if (Number.isNaN(made)) return null;
  return text_of(made, digits) === text_of(value, digits) ? "=" : "≈";
}

// "= numbers = value", with the sign that is true
function result(tree, value) {
  const sign = relation(tree, value);
  return sign ? [equals(), ...numbers(tree), mo(sign), mn(value)] : [equals(), mn(value)];
}

// a = b = ...
const chain_of = (first, ...others) => [
  ...symbols(first),
  ...others.flatMap((tree) => [equals(), ...symbols(tree)]),
];

// the sign and value where a table has them in a cell of their own
const result_cell = (tree, value) => {
  const sign = relation(tree, value);
  return [sign && el("span.sign", `${sign}\u00a0`), number(value)];
};

// lines of a formula; their parts may break between lines on a narrow screen
const formula = (...lines) => {
  const math = (part) => mathml("math", { displaystyle: "true" }, part);
  const all = lines.map((parts) => el("div.line", parts.map(math)));
  return el("div.formula", all);
};

const in_text = (symbol) => mathml("math", part(symbol));
