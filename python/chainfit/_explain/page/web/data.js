// What Python wrote into the page: names, rows, and the weights of every epoch as base64.

const data = JSON.parse(document.getElementById("chainfit-data").textContent);
const units = data.units; // n_0..n_L
const L = units.length - 1;

// base64 of little-endian floats, as float64
function floats(text, kind) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  if (kind === "float64") return new Float64Array(bytes.buffer);
  return Float64Array.from(new Float32Array(bytes.buffer));
}

// W[l] (n_l, n_{l+1}) line by line and b[l] (n_{l+1},), cut from one array: W[0], b[0], W[1], ...
function parameters(values) {
  const W = [];
  const b = [];
  let at = 0;
  for (let l = 0; l < L; l++) {
    W.push(values.subarray(at, (at += units[l] * units[l + 1])));
    b.push(values.subarray(at, (at += units[l + 1])));
  }
  return { W, b };
}

function remember(make) {
  const known = new Map();
  return (...key) => {
    const name = key.join();
    if (!known.has(name)) known.set(name, make(...key));
    return known.get(name);
  };
}

const net = remember((epoch) => parameters(floats(data.epochs[epoch].parameters, data.dtype)));

// velocity, or Adam's m and v, before the next step; none before the first one
const slots = remember((epoch) =>
  (data.epochs[epoch].slots ?? []).map((slot) => parameters(floats(slot, data.dtype))),
);

const rows = {
  X: floats(data.rows.X, "float64"),
  Y: floats(data.rows.Y, "float64"),
  weights: data.rows.weights, // null: all 1
  n: data.rows.n,
};
