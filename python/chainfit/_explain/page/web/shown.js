// What a reader gets who calculates with the numbers of a formula as they are shown, rounded.

const SHOWN_FUNCTIONS = {
  exp: Math.exp,
  ln: Math.log,
  max: Math.max,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

// A formula's elements as a row of tokens: numbers, signs, brackets, names of functions. What has
// a symbol in it, or words, has a token that is none of these.
function tokens_of(element) {
  const children = () => [...element.children];
  const group = (e) => ["(", ...tokens_of(e), ")"];
  switch (element.localName) {
    case "mn":
      return [Number(element.textContent.replace("∞", "Infinity").replace("\u2212", "-"))];
    case "mo":
      return [element.textContent];
    case "mi":
      return [element.textContent];
    case "mtext":
      return element.classList.contains("aside") ? [] : [element.textContent];
    case "mfrac":
      return [...group(children()[0]), "/", ...group(children()[1])];
    case "msqrt":
      return ["sqrt", "(", ...children().flatMap(tokens_of), ")"];
    case "msup": {
      const [base, power] = children();
      return base.textContent === "e"
        ? ["exp", ...group(power)]
        : [...group(base), "^", ...group(power)];
    }
    case "mrow":
      // a number with a power of ten is one number
      return element.dataset.value === undefined
        ? children().flatMap(tokens_of)
        : ["(", ...children().flatMap(tokens_of), ")"];
    default:
      return [element.localName];
  }
}

// The value of a formula, or NaN where it is not all numbers.
function calculate(parts) {
  const tokens = parts.flatMap((p) => tokens_of(part(p)));
  let at = 0;
  const take = (token) => tokens[at] === token && ++at > 0;

  function atom() {
    const token = tokens[at++];
    if (typeof token === "number") return token;
    if (token === "\u2212") return -power();
    if (token === "(") return inside()[0];
    if (token in SHOWN_FUNCTIONS && take("(")) return SHOWN_FUNCTIONS[token](...inside());
    return NaN;
  }
  function inside() {
    const values = [sum()];
    while (take(",")) values.push(sum());
    return take(")") ? values : [NaN];
  }
  function power() {
    const base = atom();
    return take("^") ? base ** atom() : base;
  }
  function product() {
    let value = power();
    for (;;) {
      if (take("·")) value *= power();
      else if (take("/")) value /= power();
      else if (tokens[at] === "(") value *= power(); // side by side
      else return value;
    }
  }
  function sum() {
    let value = product();
    for (;;) {
      if (take("+")) value += product();
      else if (take("\u2212")) value -= product();
      else return value;
    }
  }
  const value = sum();
  return at === tokens.length ? value : NaN;
}

// = where the numbers as they are shown make the value as it is shown, to its last digit, otherwise
// ≈; null where the formula is not all numbers
function relation(parts, value, digits) {
  const made = calculate(parts);
  if (Number.isNaN(made)) return null;
  return text_of(made, digits) === text_of(value, digits) ? "=" : "≈";
}

// "= value" or "≈ value", for the end of a formula whose last side is `numbers`
const result = (numbers, value) => [mo(relation(numbers, value) ?? "="), mn(value)];

// the same where a table has the value in a cell of its own
function result_cell(numbers, value) {
  const sign = numbers?.length ? relation(numbers, value) : null;
  return [sign && el("span", { class: "sign" }, `${sign}\u00a0`), number(value)];
}

// numbers that stand below each other, as a sum or a product of them
const added = (values) => values.flatMap((v, n) => (n ? [mo("+"), num(v)] : [num(v)]));
const multiplied = (values) => products(values.map((v) => mn(v, { brackets: true })));
