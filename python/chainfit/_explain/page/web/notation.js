// Symbols of the four notations, as in chainfit's _notation.py: layers and units count from 0 in
// the code, a notation only names. A symbol is { base, sub, sup, after }, { base, word } with a
// word below, or { code }. An index is a number, or a letter that runs over a layer.

const from_one = (i) => (typeof i === "number" ? i + 1 : i);
const joined = (...indices) => indices.join(indices.some((i) => String(i).length > 1) ? "," : "");
const code = (text) => ({ code: text });

// w_12^(2) leads from unit 2 of layer 2 to unit 1 of layer 3; z^(l) is the sum entering layer l+1.
const tutorial = {
  words: "tutorial: w, z, h, J",
  layer: (l) => `layer ${l + 1}`,
  loss: { base: "J" },
  target: (j) => ({ base: "y", sub: joined(from_one(j)) }),
  weight: (l, i, j) => ({ base: "w", sub: joined(from_one(j), from_one(i)), sup: `(${l + 1})` }),
  bias: (l, j) => ({ base: "b", sub: joined(from_one(j)), sup: `(${l + 1})` }),
  sum: (l, j) => ({ base: "z", sub: joined(from_one(j)), sup: `(${l})` }),
  out: (l, j) => ({ base: "h", sub: joined(from_one(j)), sup: `(${l + 1})` }),
  delta: (l, j) => ({ base: "δ", sub: joined(from_one(j)), sup: `(${l})` }),
};

// O_lj is the output of neuron j of layer l; W_li(j) enters it from neuron i of the layer below.
// One factor for each neuron: dO/dO.
const outputs = {
  words: "outputs: W, y, O, L",
  per_neuron: true,
  layer: (l) => (l === 0 ? "inputs" : `layer ${l}`),
  loss: { base: "L" },
  target: (j) => ({ base: "t", sub: joined(from_one(j)) }),
  weight: (l, i, j) => ({ base: "W", sub: joined(l + 1, from_one(i)), after: `(${from_one(j)})` }),
  bias: (l, j) => ({ base: "b", sub: joined(l + 1), after: `(${from_one(j)})` }),
  sum: (l, j) => ({ base: "y", sub: joined(l, from_one(j)) }),
  out: (l, j) =>
    l === 0 ? { base: "X", sub: joined(from_one(j)) } : { base: "O", sub: joined(l, from_one(j)) },
  delta: (l, j) => ({ base: "δ", sub: joined(l, from_one(j)) }),
};

const matrix = {
  words: "matrix: W[l][j, i], z, a",
  layer: (l) => `layer ${l}`,
  loss: { base: "J" },
  target: (j) => code(`y[${j}]`),
  weight: (l, i, j) => code(`W[${l}][${i}, ${j}]`),
  bias: (l, j) => code(`b[${l}][${j}]`),
  sum: (l, j) => code(`z[${l}][${j}]`),
  out: (l, j) => code(`a[${l}][${j}]`),
  delta: (l, j) => code(`δ[${l}][${j}]`),
};

const sklearn = {
  ...matrix,
  words: "scikit-learn: coefs_[l][j, i]",
  weight: (l, i, j) => code(`coefs_[${l}][${i}, ${j}]`),
  bias: (l, j) => code(`intercepts_[${l}][${j}]`),
  out: (l, j) => code(`activations[${l}][${j}]`),
  delta: (l, j) => code(`deltas[${l - 1}][${j}]`),
};

const NOTATIONS = { tutorial, outputs, matrix, sklearn };
let notation = NOTATIONS[data.notation];

const symbol = {
  loss: () => notation.loss,
  target: (j) => notation.target(j),
  weight: ({ l, i, j }) => (i === -1 ? notation.bias(l, j) : notation.weight(l, i, j)),
  sum: (l, j) => notation.sum(l, j),
  out: (l, j) => notation.out(l, j),
  delta: (l, j) => notation.delta(l, j),
};

// in a line and in ASCII, as an address that chainfit.explain takes
function text_name({ base, sub, sup, after, code }) {
  const text = code ?? base + (sub ? `_${sub}` : "") + (sup ? `^${sup}` : "") + (after ?? "");
  return text.replaceAll("δ", "delta");
}

// inside a picture
function svg_name({ base, sub, sup, after, code }) {
  const small = (text, dy) => svg("tspan", { dy, class: "script" }, text);
  if (code) return [svg("tspan", { class: "code" }, code)];
  const up = sub ? "-0.95em" : "-0.45em"; // from where the subscript ended
  return [
    base,
    sub && small(sub, "0.35em"),
    sup && small(sup, up),
    after && svg("tspan", { dy: "-0.25em" }, after),
  ];
}

const where_stored = ({ l, i, j }) =>
  i < 0 ? `intercepts_[${l}][${j}]` : `coefs_[${l}][${i}, ${j}]`;

// what the net calls an input or output; null where it has only a number
function unit_name(l, i) {
  const name = l === 0 ? data.features[i] : l === L ? data.outputs[i] : null;
  return name === `${l === 0 ? "x" : "y"}_${i + 1}` ? null : name;
}
