// One step's numbers in float64: forward, loss, deltas, gradients. Notation as in chainfit.trace:
// z[l], a[l], delta[l] = dJ/dz[l] are (rows, n_l), line by line; a[0] = X.

// f(z), and f' as a function of a = f(z)
const ACTIVATIONS = {
  identity: { f: (z) => z, df: () => 1 },
  logistic: {
    f: (z) => {
      const e = Math.exp(-Math.abs(z)); // in (0, 1]: can't overflow
      return (z >= 0 ? 1 : e) / (1 + e);
    },
    df: (a) => a * (1 - a),
  },
  tanh: { f: Math.tanh, df: (a) => 1 - a * a },
  relu: { f: (z) => Math.max(z, 0), df: (a) => (a > 0 ? 1 : 0) },
  leaky_relu: { f: (z) => Math.max(z, 0.01 * z), df: (a) => (a > 0 ? 1 : 0.01) },
  exp: { f: Math.exp, df: (a) => a },
};

const clip = (a) => Math.min(Math.max(a, Number.EPSILON), 1 - Number.EPSILON);
const times_log = (y, a) => (y === 0 ? 0 : y * Math.log(a));

// the loss of one output, its derivative by a, and the link for which delta is just a - y
const LOSSES = {
  squared_error: { loss: (y, a) => (y - a) ** 2 / 2, da: (y, a) => a - y, link: "identity" },
  binary_log_loss: {
    loss: (y, a) => -times_log(y, clip(a)) - times_log(1 - y, 1 - clip(a)),
    da: (y, a) => (y === 0 ? 1 / (1 - a) : y === 1 ? -1 / a : (a - y) / (a * (1 - a))),
    link: "logistic",
  },
  log_loss: {
    loss: (y, a) => -times_log(y, clip(a)),
    da: (y, a) => (y === 0 ? 0 : -y / a),
    link: "softmax",
  },
  poisson: {
    loss: (y, a) => (y === 0 ? 0 : y * Math.log(y / a)) - y + a,
    da: (y, a) => (y === 0 ? 1 : (a - y) / a),
    link: "exp",
  },
};

const hidden = ACTIVATIONS[data.activation];
const is_softmax = data.out_activation === "softmax";
const output = ACTIVATIONS[data.out_activation]; // undefined for softmax
const loss = LOSSES[data.loss];
const is_canonical = loss.link === data.out_activation;

const slope = (l, a) => (l < L ? hidden : output).df(a);

function softmax(z) {
  const top = z.reduce((m, v) => Math.max(m, v), -Infinity);
  const e = z.map((v) => Math.exp(v - top));
  const sum = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / sum);
}

// z (rows, m) = a (rows, n) @ W (n, m) + b
function layer_sums(a, W, b, count, n, m) {
  const z = new Float64Array(count * m);
  for (let r = 0; r < count; r++) {
    const out = z.subarray(r * m, (r + 1) * m);
    for (let i = 0; i < n; i++) {
      const x = a[r * n + i];
      if (x === 0) continue;
      for (let j = 0, at = i * m; j < m; j++, at++) out[j] += x * W[at];
    }
    for (let j = 0; j < m; j++) out[j] += b[j];
  }
  return z;
}

function forward(p, X, count) {
  const z = [null];
  const a = [X];
  for (let l = 0; l < L; l++) {
    const m = units[l + 1];
    const sums = layer_sums(a[l], p.W[l], p.b[l], count, units[l], m);
    z.push(sums);
    if (l + 1 < L || !is_softmax) {
      a.push(sums.map((l + 1 < L ? hidden : output).f));
    } else {
      const out = new Float64Array(sums.length);
      for (let r = 0; r < count; r++) out.set(softmax(sums.subarray(r * m, (r + 1) * m)), r * m);
      a.push(out);
    }
  }
  return { z, a };
}

// The loss of one row from z[L] of its own link: what it is before probabilities are clipped, whose
// derivative is a - y wherever z lies. Poisson's and the squared error are not clipped.
const UNCLIPPED = {
  binary_log_loss: (y, z) =>
    z.reduce((s, v, o) => s + Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))) - y[o] * v, 0),
  log_loss: (y, z) => {
    const top = Math.max(...z);
    const sum = z.reduce((s, v) => s + Math.exp(v - top), 0);
    return Math.log(sum) - z.reduce((s, v, o) => s + y[o] * (v - top), 0);
  },
};

// Beyond this dJ/da is not told apart from da/dz, which is as small as this is large.
const STEEP = 1e50;

// dJ/dz[L] of one row whose share of the batch is `share`
function output_delta(y, a, share) {
  if (is_canonical) return a.map((v, o) => share * (v - y[o]));
  const da = a.map((v, o) => share * loss.da(y[o], v));
  if (!is_softmax) return da.map((d, o) => d * output.df(a[o]));
  // sum_k da_k a_k (1{k=o} - a_o); of an output near 1 its own term would cancel in it
  const others = (o) => a.reduce((s, v, k) => (k === o ? s : s + v * da[k]), 0);
  const largest = a.indexOf(Math.max(...a));
  const mean = others(largest) + a[largest] * da[largest];
  return a.map((v, o) =>
    o === largest ? v * (da[o] * (1 - v) - others(o)) : v * (da[o] - mean),
  );
}

// Everything about rows `from`..`to` as one batch with weights (null: 1 each). Gradients are
// worked out when asked for: dW(l, i, j), db(l, j), and dJ/da[l] as da(l, r, i).
function step_numbers(p, from, to, weights) {
  const count = to - from;
  const X = rows.X.subarray(from * units[0], to * units[0]);
  const Y = rows.Y.subarray(from * units[L], to * units[L]);
  const { z, a } = forward(p, X, count);
  const sum_w = weights ? weights.reduce((s, w) => s + w, 0) : count;
  const share = (r) => (weights ? weights[r] : 1) / sum_w;
  const delta = Array(L + 1).fill(null);
  delta[L] = new Float64Array(count * units[L]);
  let data_loss = 0;
  let unclipped = 0;
  for (let r = 0; r < count; r++) {
    const y = Y.subarray(r * units[L], (r + 1) * units[L]);
    const out = a[L].subarray(r * units[L], (r + 1) * units[L]);
    delta[L].set(output_delta(y, out, share(r)), r * units[L]);
    const row_loss = out.reduce((s, v, o) => s + loss.loss(y[o], v), 0);
    const before = is_canonical && UNCLIPPED[data.loss];
    data_loss += share(r) * row_loss;
    unclipped +=
      share(r) * (before ? before(y, z[L].subarray(r * units[L], (r + 1) * units[L])) : row_loss);
  }
  const da = (l, r, i) => {
    if (l === L) return share(r) * loss.da(Y[r * units[L] + i], a[L][r * units[L] + i]);
    const m = units[l + 1];
    let sum = 0;
    for (let j = 0; j < m; j++) sum += delta[l + 1][r * m + j] * p.W[l][i * m + j];
    return sum;
  };
  for (let l = L - 1; l > 0; l--) {
    delta[l] = new Float64Array(count * units[l]);
    for (let r = 0; r < count; r++)
      for (let i = 0, at = r * units[l]; i < units[l]; i++, at++)
        delta[l][at] = da(l, r, i) * hidden.df(a[l][at]);
  }
  // Whether a path ends with dJ/dz of its output, which takes the last two steps together: after a
  // softmax, through which every z moves every output, and where an output is rounded to its limit.
  const to_sum = (r) => {
    if (is_softmax) return true;
    if (!is_canonical) return false;
    return range(0, units[L] - 1).some((o) => {
      const at = r * units[L] + o;
      return !(Math.abs(loss.da(Y[at], a[L][at])) < STEEP);
    });
  };
  let squares = 0;
  if (data.alpha) for (const W of p.W) for (const w of W) squares += w * w;
  const l2 = data.alpha / sum_w;
  const penalty = (l2 / 2) * squares;
  const term = (l, i, j, r) =>
    (i < 0 ? 1 : a[l][r * units[l] + i]) * delta[l + 1][r * units[l + 1] + j];
  const gradient = (l, i, j) => {
    let sum = 0;
    for (let r = 0; r < count; r++) sum += term(l, i, j, r);
    return i < 0 ? sum : sum + l2 * p.W[l][i * units[l + 1] + j];
  };
  return {
    p,
    z,
    a,
    Y,
    delta,
    da,
    to_sum,
    share,
    term,
    gradient,
    l2,
    penalty,
    J: data_loss + penalty,
    smooth_J: unclipped + penalty,
    count,
  };
}

// row < 0: all rows as one batch. One row alone counts as a batch of its own, with weight 1.
const trace = remember((epoch, row) =>
  row < 0
    ? step_numbers(net(epoch), 0, rows.n, rows.weights)
    : step_numbers(net(epoch), row, row + 1, null),
);

// w_ij of W[l], or b_j of b[l] where i < 0
const parameter = (p, { l, i, j }) => (i < 0 ? p.b[l][j] : p.W[l][i * units[l + 1] + j]);

// (J(w + h) - J(w - h)) / 2h of the loss before clipping, for the eye: nothing else on the page comes from it
function central_difference(epoch, row, { l, i, j }) {
  const p = net(epoch);
  const at = i < 0 ? j : i * units[l + 1] + j;
  const array = (i < 0 ? p.b : p.W)[l];
  const w = array[at];
  const h = 6e-6 * Math.max(1, Math.abs(w));
  const J_at = (value) => {
    array[at] = value;
    return row < 0
      ? step_numbers(p, 0, rows.n, rows.weights).smooth_J
      : step_numbers(p, row, row + 1, null).smooth_J;
  };
  const difference = (J_at(w + h) - J_at(w - h)) / (w + h - (w - h));
  array[at] = w;
  return difference;
}
