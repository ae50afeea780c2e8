// Trees: a small interpreter of what chainfit's formula.py calls formulas. A tree is a number, the
// key of a variable, a leaf { value, ... } that math.js writes, or [kind, part, ...] as in JSON. To
// add a kind: its entry here, and in math.js one of WRITERS.

const OPERATIONS = {
  Negative: (x) => -x,
  Sum: (...terms) => terms.reduce((sum, x) => sum + x),
  Product: (...factors) => factors.reduce((product, x) => product * x),
  Quotient: (x, y) => x / y,
  Power: (x, n) => (n === 2 ? x * x : x ** n),
  Case: (condition, above, otherwise) => (condition > 0 ? above : otherwise),
  Special: (subject, ...cases) => case_of(subject, cases),
};
const FUNCTIONS = {
  exp: Math.exp,
  ln: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  abs: Math.abs,
  sign: Math.sign,
  cos: Math.cos,
  floor: Math.floor,
  erf,
};
// over env.row, the sums of a whole layer: the variable of index k is z_k
const OVER_ROW = {
  SumOver: (row, f) => row.reduce((sum, z) => sum + f(z), 0),
  Largest: (row, f) => row.reduce((most, z) => Math.max(most, f(z)), -Infinity),
};

// value, what holds at it, ..., what holds otherwise
const case_of = (subject, [value, at_value, ...others]) =>
  at_value === undefined ? value : subject === value ? at_value : case_of(subject, others);

// A series without cancellation, and beyond 2.5 a continued fraction of 1 - erf.
function erf(x) {
  const size = Math.abs(x);
  if (!(size < 6)) return Math.sign(x);
  if (size < 2.5) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++)
      sum += term *= (2 * x * x) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = size;
  for (let n = 60; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction));
}

// A tree as a function of { variable: number }. Numbers of leaves are as `shown` shows them.
function compile(tree, shown = (x) => x) {
  if (typeof tree === "number") return () => tree;
  if (typeof tree === "string") return (env) => env[tree];
  if (!Array.isArray(tree)) return () => shown(tree.value);
  const [kind, ...parts] = tree;
  if (kind in OVER_ROW) {
    const [index, body] = [parts[0], compile(parts[1], shown)];
    let row, result; // once for a row, however many units ask for it
    return (env) => {
      if (env.row !== row)
        result = OVER_ROW[kind](env.row, (z) => body({ row: env.row, [`z_${index}`]: z }));
      row = env.row;
      return result;
    };
  }
  const operation = kind === "Apply" ? FUNCTIONS[parts.shift()] : OPERATIONS[kind];
  const compiled = parts.map((part) => compile(part, shown));
  const [f, g] = compiled;
  if (compiled.length === 1) return (env) => operation(f(env)); // most have one part or two
  if (compiled.length === 2) return (env) => operation(f(env), g(env));
  return (env) => operation(...compiled.map((f) => f(env)));
}

const value_of = (tree) => compile(tree)({});

// A tree with leaves in the place of its variables, and simpler where one of them is special. Given
// the values of a row, sums over it are leaves too.
function bind(tree, leaves, row) {
  if (typeof tree === "string") return leaves[tree] ?? tree;
  if (!Array.isArray(tree)) return tree;
  const [kind, ...parts] = tree;
  const bound = parts.map((part) => bind(part, leaves, row));
  if (kind === "Special") return case_of(bound[0].value, bound.slice(1));
  if (kind === "SumOver")
    return { over: parts[0], body: bound[1], value: row && compile(tree)({ row }) };
  return [kind, ...bound];
}

const product = (...factors) => (factors.length > 1 ? ["Product", ...factors] : factors[0]);
const sum = (...terms) => (terms.length > 1 ? ["Sum", ...terms] : terms[0]);

// A sum: of more than `most` terms the largest ones, in their order, and the rest.
function largest_terms(terms, most = 4) {
  if (terms.length <= most) return sum(...terms);
  const values = terms.map(value_of);
  const n = Math.min(most - 1, Math.max(1, values.filter((value) => value !== 0).length));
  const kept = new Set(largest(terms.keys(), (k) => Math.abs(values[k]), n));
  const value = total(values, (v, k) => (kept.has(k) ? 0 : v));
  return sum(...terms.filter((_, k) => kept.has(k)), { count: terms.length - n, value });
}
