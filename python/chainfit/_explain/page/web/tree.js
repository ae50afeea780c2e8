// Trees: a small interpreter of what chainfit's formula.py calls formulas. A tree is a number, the
// key of a variable, a leaf { value, ... } that math.js writes, or [kind, part, ...], as JSON has it.

const FUNCTIONS = {
  exp: Math.exp,
  ln: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  abs: Math.abs,
  erf,
};

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

// Each kind as a function of what its parts are compiled to by `at`. Over env.row, the values of a
// whole layer, the variable of index k is z_k.
const KINDS = {
  Negative(at, of) {
    const f = at(of);
    return (env) => -f(env);
  },
  Sum(at, terms) {
    const [first, ...others] = terms.map(at);
    return (env) => others.reduce((sum, f) => sum + f(env), first(env));
  },
  Product(at, factors) {
    const [first, ...others] = factors.map(at);
    return (env) => others.reduce((product, f) => product * f(env), first(env));
  },
  Quotient(at, top, bottom) {
    const [f, g] = [at(top), at(bottom)];
    return (env) => f(env) / g(env);
  },
  Power(at, base, exponent) {
    const [f, n] = [at(base), at(exponent)];
    return (env) => (n(env) === 2 ? f(env) * f(env) : f(env) ** n(env));
  },
  Apply(at, name, argument) {
    const [f, x] = [FUNCTIONS[name], at(argument)];
    return (env) => f(x(env));
  },
  Case(at, condition, above, otherwise) {
    const [f, yes, no] = [condition, above, otherwise].map(at);
    return (env) => (f(env) > 0 ? yes(env) : no(env));
  },
  Special(at, subject, cases, general) {
    const [f, g] = [at(subject), at(general)];
    const known = cases.map(([value, tree]) => [value, at(tree)]);
    return (env) => (known.find(([value]) => value === f(env))?.[1] ?? g)(env);
  },
  SumOver: (at, index, body) => over_row(at(body), index, (s, v) => s + v, 0),
  Largest: (at, index, body) => over_row(at(body), index, (m, v) => Math.max(m, v), -Infinity),
};

// once for a row, however many units ask for it
function over_row(body, index, join, start) {
  let row, result;
  return (env) => {
    if (env.row !== row) {
      row = env.row;
      result = row.reduce((sum, z) => join(sum, body({ row, [`z_${index}`]: z })), start);
    }
    return result;
  };
}

// A tree as a function of { variable: number }. Numbers of leaves are as `shown` shows them.
function compile(tree, shown = (x) => x) {
  if (typeof tree === "number") return () => tree;
  if (typeof tree === "string") return (env) => env[tree];
  if (!Array.isArray(tree)) return () => shown(tree.value);
  const [kind, ...parts] = tree;
  return KINDS[kind]((part) => compile(part, shown), ...parts);
}

// A tree with leaves in the place of its variables, and simpler where one of them is special. Given
// the values of a row, sums over it are leaves too.
function bind(tree, leaves, row) {
  if (typeof tree === "string") return leaves[tree] ?? tree;
  if (!Array.isArray(tree)) return tree;
  const [kind, ...parts] = tree;
  const at = (part) => bind(part, leaves, row);
  if (!(kind in KINDS)) return tree.map(at);
  if (kind === "Special") {
    const [subject, cases, general] = parts;
    const { value } = at(subject);
    return at(cases.find(([special]) => special === value)?.[1] ?? general);
  }
  if (kind === "SumOver")
    return { over: parts[0], body: at(parts[1]), value: row && compile(tree)({ row }) };
  return [kind, ...parts.map(at)];
}

const product_of = (factors) => (factors.length > 1 ? ["Product", factors] : factors[0]);
const sum_of = (terms) => (terms.length > 1 ? ["Sum", terms] : terms[0]);

// A sum in its terms: of more than `most` the largest ones, in their order, and the rest.
function largest_terms(values, term, most = 4) {
  const all = [...values.keys()];
  if (all.length <= most) return sum_of(all.map(term));
  const size = (k) => Math.abs(values[k]);
  all.sort((p, q) => size(q) - size(p));
  const nonzero = all.filter((k) => values[k] !== 0).length;
  const others = all.splice(Math.min(most - 1, Math.max(1, nonzero)));
  const rest = { count: others.length, value: others.reduce((sum, k) => sum + values[k], 0) };
  return sum_of([...all.sort((p, q) => p - q).map(term), rest]);
}
