// What Python wrote into the page: rules, names, rows, and the weights of every epoch as base64.

const data = JSON.parse(document.getElementById("chainfit-data").textContent);
const { units } = data; // n_0..n_L
const L = units.length - 1;

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);
const indices_of = (l) => range(0, units[l] - 1);
const total = (values, f = (value) => value) => values.reduce((sum, v, k) => sum + f(v, k), 0);

// so many of a list, those of the largest size first
function largest(list, size, n) {
  const sized = Array.from(list, (item) => [size(item), item]);
  sized.sort(([p], [q]) => q - p);
  return sized.slice(0, n).map(([, item]) => item);
}

function remember(make) {
  const known = new Map();
  return (...key) => {
    const name = JSON.stringify(key);
    if (!known.has(name)) known.set(name, make(...key));
    return known.get(name);
  };
}

// base64 of little-endian floats, as float64 in arrays of these lengths
function floats(text, kind, lengths) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  const values = new (kind === "float32" ? Float32Array : Float64Array)(bytes.buffer);
  let at = 0;
  return lengths.map((n) => Float64Array.from(values.subarray(at, (at += n))));
}

// Of each layer an array (n_l + 1, n_{l+1}), line by line: biases, then weights. An address is
// { l, i, j }, i = -1 for a bias.
const lengths = units.slice(1).map((m, l) => (units[l] + 1) * m);
const index_of = ({ l, i, j }) => (i + 1) * units[l + 1] + j;
const parameter = (p, address) => p[address.l][index_of(address)];
const net = remember((epoch) => floats(data.epochs[epoch].parameters, data.dtype, lengths));

// velocity, or Adam's m and v, before the next step; none before the first one
const slots = remember((epoch) =>
  data.epochs[epoch].slots.map((slot) => floats(slot, data.dtype, lengths)),
);

const of_rows = (text, n, kind = "float64", rows = data.rows.n) =>
  floats(text, kind, Array(rows).fill(n));
const rows = {
  ...data.rows, // n, and weights, null where all are 1
  X: of_rows(data.rows.X, units[0]),
  Y: of_rows(data.rows.Y, units[L]),
};

// Of the last epoch, whose next step is known: what dropout multiplies the units of a layer by, a
// row each, of a row by itself and of all as one batch; null of layers that drop none.
const masks = Object.fromEntries(
  Object.entries(data.masks ?? {}).map(([name, layers]) => [
    name,
    layers.map((mask, l) =>
      mask &&
      of_rows(mask.kept, units[l], "float32", name === "one" ? 1 : data.rows.n).map((row) =>
        row.map((kept) => kept * mask.scale),
      ),
    ),
  ]),
);
const masks_of = (epoch, batch, r) =>
  data.masks && epoch === data.epochs.length - 1
    ? masks[batch ? "all" : "one"].map((layer) => layer && layer[batch ? r : 0])
    : [];
