// One step's numbers in float64: forward, loss, deltas, gradients. Notation as in chainfit.trace:
// z[l], a[l], delta[l] = dJ/dz[l] are (rows, n_l), line by line; a[0] = X.

// of layer l = 1..L
const rules = [null, ...data.layers.map((name) => ({ name, ...data.activations[name] }))];
for (const rule of rules.slice(1)) {
  rule.f = compile(rule.value);
  rule.df = rule.slope === null ? null : compile(rule.slope); // a softmax has a matrix
}
const is_softmax = rules[L].df === null;
const slope = (t, l, at) => rules[l].df({ z: t.z[l][at], a: t.a[l][at] });

const loss = data.loss;
const loss_term = compile(loss.term);
const loss_slope = compile(loss.slope);
const loss_of_sum = compile(loss.of_sum ?? 0);
const loss_scale = compile(loss.scale)();
const clip = (a) => Math.min(Math.max(a, Number.EPSILON), 1 - Number.EPSILON);

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
    const out = new Float64Array(sums.length);
    for (let r = 0; r < count; r++) {
      const row = sums.subarray(r * m, (r + 1) * m);
      for (let j = 0; j < m; j++) out[r * m + j] = rules[l + 1].f({ z: row[j], row });
    }
    a.push(out);
  }
  return { z, a };
}

// The loss of a row; that of sums is what it was before probabilities were clipped, and has a slope
// of a - y wherever z lies.
const loss_of_outputs = (y, a) =>
  loss_scale *
  a.reduce((s, v, o) => s + loss_term({ y: y[o], a: loss.is_clipped ? clip(v) : v }), 0);
const loss_of_sums = (y, row) => row.reduce((s, z, o) => s + loss_of_sum({ y: y[o], z, row }), 0);

// Beyond this dJ/da is taken together with da/dz, which is as small as this is large.
const STEEP = 1e50;

// dJ/dz[L] of one row whose share of the batch is `share`
function output_delta(y, z, a, share) {
  if (data.canonical) return a.map((v, o) => share * (v - y[o]));
  const da = a.map((v, o) => share * loss_slope({ y: y[o], a: v }));
  if (!is_softmax) return da.map((d, o) => d * rules[L].df({ z: z[o], a: a[o] }));
  // sum_k da_k a_k (1{k=o} - a_o); of an output near 1 its own term would cancel in it
  const others = (o) => a.reduce((s, v, k) => (k === o ? s : s + v * da[k]), 0);
  const largest = a.indexOf(Math.max(...a));
  const mean = others(largest) + a[largest] * da[largest];
  return a.map((v, o) => (o === largest ? v * (da[o] * (1 - v) - others(o)) : v * (da[o] - mean)));
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
    const [y, sums, out] = [Y, z[L], a[L]].map((v) => v.subarray(r * units[L], (r + 1) * units[L]));
    delta[L].set(output_delta(y, sums, out, share(r)), r * units[L]);
    const row_loss = loss_of_outputs(y, out);
    data_loss += share(r) * row_loss;
    const is_smooth = data.canonical && loss.is_clipped;
    unclipped += share(r) * (is_smooth ? loss_of_sums(y, sums) : row_loss);
  }
  const da = (l, r, i) => {
    const at = r * units[l] + i;
    if (l === L) return share(r) * loss_slope({ y: Y[at], a: a[L][at] });
    const m = units[l + 1];
    let sum = 0;
    for (let j = 0; j < m; j++) sum += delta[l + 1][r * m + j] * p.W[l][i * m + j];
    return sum;
  };
  for (let l = L - 1; l > 0; l--) {
    delta[l] = new Float64Array(count * units[l]);
    for (let r = 0; r < count; r++)
      for (let i = 0, at = r * units[l]; i < units[l]; i++, at++)
        delta[l][at] = da(l, r, i) * slope({ z, a }, l, at);
  }
  // Whether a path ends with dJ/dz of its output, which takes the last two steps together: after a
  // softmax, through which every z moves every output, and where an output is rounded to its limit.
  const to_sum = (r) => {
    if (is_softmax) return true;
    if (!data.canonical) return false;
    return range(0, units[L] - 1).some((o) => !(Math.abs(da(L, r, o)) < STEEP * share(r)));
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
  const J = data_loss + penalty;
  const smooth_J = unclipped + penalty;
  return {
    p,
    z,
    a,
    Y,
    delta,
    da,
    to_sum,
    share,
    sum_w,
    term,
    gradient,
    l2,
    penalty,
    J,
    smooth_J,
    count,
  };
}

// row < 0: all rows as one batch. One row alone counts as a batch of its own, with weight 1.
const numbers_of = (p, row) =>
  row < 0 ? step_numbers(p, 0, rows.n, rows.weights) : step_numbers(p, row, row + 1, null);
const trace = remember((epoch, row) => numbers_of(net(epoch), row));

// w_ij of W[l], or b_j of b[l] where i < 0
const parameter = (p, { l, i, j }) => (i < 0 ? p.b[l][j] : p.W[l][i * units[l + 1] + j]);

// (J(w + h) - J(w - h)) / 2h of the loss before clipping, for the eye: nothing else on the page comes
// from it
function central_difference(epoch, row, { l, i, j }) {
  const p = net(epoch);
  const at = i < 0 ? j : i * units[l + 1] + j;
  const array = (i < 0 ? p.b : p.W)[l];
  const w = array[at];
  const h = 6e-6 * Math.max(1, Math.abs(w));
  const J_at = (value) => {
    array[at] = value;
    return numbers_of(p, row).smooth_J;
  };
  const difference = (J_at(w + h) - J_at(w - h)) / (w + h - (w - h));
  array[at] = w;
  return difference;
}

// --- the solver's next step ----------------------------------------------------------------------

const solver = data.solver ?? {
  words: "L-BFGS",
  why:
    "L-BFGS has no rule for a single weight: each of its steps is made of the gradients of all " +
    "weights, now and before.",
};

// { fresh, known }: the new weight, and all that its rule names, by key. Without a rule, or where its
// memory of earlier steps was not kept: { fresh: null, why }.
function update_of(epoch, w, g, address) {
  const settings = data.epochs[epoch].update;
  if (solver.why) return { fresh: null, why: solver.why };
  if (!settings)
    return { fresh: null, why: `What ${solver.words} remembered at this epoch was not kept.` };
  const known = { ...settings, old: w, gradient: g };
  solver.memory.forEach((key, n) => {
    const slot = slots(epoch)[n]; // none before the first step
    known[key] = slot ? parameter(slot, address) : 0;
  });
  if (address.i < 0) for (const key of solver.of_weights) known[key] = 0;
  for (const [key, f] of update_lines) known[key] = f(known);
  return { fresh: known.new, known };
}

const update_lines = (solver.lines ?? []).map(([key, tree]) => [key, compile(tree)]);
