// One step's numbers in float64, row by row. Notation as in chainfit.trace: z[l], a[l] and
// delta[l] = dJ/dz[l] have n_l numbers; a[0] is the row.

const { loss } = data;
// of layer l = 1..L; a softmax has a matrix for its slope
const rules = [null, ...data.layers];
for (const rule of data.layers) {
  rule.f = compile(rule.value);
  rule.df = rule.slope && compile(rule.slope);
}
const is_softmax = !rules[L].df;
// f'(z) of a unit, and da/dz, which has dropout's mask in it
const own_slope = ({ z, f }, l, i) => rules[l].df({ z: z[l][i], a: f[l][i], ...others(l, i) });
const mask_of = ({ masks }, l, i) => masks[l]?.[i] ?? 1;
const slope = (row, l, i) => own_slope(row, l, i) * mask_of(row, l, i);

// What else the rules of an output are functions of.
const NONE = {};
const of_outputs = indices_of(L).map((o) =>
  Object.fromEntries(data.others.map(({ key, values }) => [key, values[o]])),
);
const others = (l, i) => (l === L ? of_outputs[i] : NONE);
const loss_env = (y, a) => (o) => ({
  ...{ y: y[o], a: a[o], partner: a[data.partners?.[o]] },
  ...of_outputs[o],
});

// The sums z of all outputs, of each those of its own softmax.
function rows_of_groups(z) {
  let at = 0;
  return data.groups.flatMap((n) => Array(n).fill(z.slice(at, (at += n))));
}

const [loss_term, loss_slope] = [compile(loss.term), compile(loss.slope)];
const loss_of_sum = compile(loss.of_sum ?? 0);
const loss_scale = value_of(loss.scale);
const penalty_slopes = data.penalties.map(({ slope }) => compile(slope));
const clip = (a) => Math.min(Math.max(a, Number.EPSILON), 1 - Number.EPSILON);

// z, f(z), and a, which is f(z) times the mask
function forward(p, x, masks) {
  const times = (l, values) => (masks[l] ? values.map((v, i) => v * masks[l][i]) : values);
  const [z, f, a] = [[null], [x], [times(0, x)]];
  p.forEach((W, l) => {
    const m = units[l + 1];
    const row = W.slice(0, m); // the biases
    a[l].forEach((x, i) => {
      if (x !== 0) for (let j = 0, at = (i + 1) * m; j < m; j++, at++) row[j] += x * W[at];
    });
    z.push(row);
    const rows = l + 1 === L ? rows_of_groups(row) : null;
    f.push(
      row.map((z, j) =>
        rules[l + 1].f(rows ? { z, row: rows[j], ...of_outputs[j] } : { z, row }),
      ),
    );
    a.push(times(l + 1, f[l + 1]));
  });
  return { z, f, a, masks };
}

// dJ/dz[L] of a row whose share of the batch is `share`
function output_delta(y, z, a, share) {
  if (data.canonical) return a.map((v, o) => share * (v - y[o]));
  const env = loss_env(y, a);
  const da = a.map((_, o) => share * loss_slope(env(o)));
  if (!is_softmax)
    return da.map((d, o) => d * rules[L].df({ z: z[o], a: a[o], ...of_outputs[o] }));
  // sum_k da_k a_k (1{k=o} - a_o); of an output near 1 its own term would cancel in it
  const top = a.indexOf(Math.max(...a));
  const others = total(a, (v, k) => (k === top ? 0 : v * da[k]));
  const mean = others + a[top] * da[top];
  return a.map((v, o) => (o === top ? v * (da[o] * (1 - v) - others) : v * (da[o] - mean)));
}

// Beyond this dJ/da is taken together with da/dz, which is as small as this is large.
const STEEP = 1e50;

// A row whose share of the batch is `share`. Its loss is that of clipped probabilities; `smooth` is
// what it was before, of the sums, and has a slope of a - y wherever they lie.
function row_numbers(p, r, share, masks) {
  const y = rows.Y[r];
  const sums = forward(p, rows.X[r], masks);
  const { z, a } = sums;
  const env = loss_env(y, a[L]);
  const clipped_env = loss.is_clipped ? loss_env(y, a[L].map(clip)) : env;
  const clipped = total(a[L], (_, o) => loss_term(clipped_env(o)));
  const groups = rows_of_groups(z[L]);
  const of_sums = total(z[L], (v, o) => loss_of_sum({ y: y[o], z: v, row: groups[o] }));
  const delta = Array(L + 1).fill(null);
  delta[L] = output_delta(y, z[L], a[L], share);
  // dJ/da
  function da(l, i) {
    if (l === L) return share * loss_slope(env(i));
    const at = index_of({ l, i, j: 0 });
    return total(delta[l + 1], (d, j) => d * p[l][at + j]);
  }
  for (let l = L - 1; l > 0; l--) delta[l] = z[l].map((_, i) => da(l, i) * slope(sums, l, i));
  return {
    ...sums,
    ...{ y, delta, da },
    loss: share * loss_scale * clipped,
    smooth: share * (data.canonical && loss.is_clipped ? of_sums : loss_scale * clipped),
    // Whether a path ends with dJ/dz of its output, which takes the last two steps together: after
    // a softmax, through which every z moves every output, and where an output is at its limit.
    to_sum:
      is_softmax ||
      (data.canonical && indices_of(L).some((o) => !(Math.abs(da(L, o)) < STEEP * share))),
    term: ({ l, i, j }) => (a[l][i] ?? 1) * delta[l + 1][j],
  };
}

// A step on one row, which has weight 1 then, or on all as one batch (r < 0).
function step_numbers(epoch, r, p = net(epoch)) {
  const batch = r < 0 ? range(0, rows.n - 1) : [r];
  const weight_of = (k) => (r < 0 && rows.weights ? rows.weights[k] : 1);
  const sum_w = total(batch, weight_of);
  const all = batch.map((k) => row_numbers(p, k, weight_of(k) / sum_w, masks_of(epoch, r < 0, k)));
  const of_weights = (f) => total(p, (W, l) => total(W.subarray(units[l + 1]), (w) => f({ w })));
  const penalties = data.penalties.map(
    ({ strength, divisor, term }) => (strength / divisor / sum_w) * of_weights(compile(term)),
  );
  const penalty = total(penalties);
  const slope = (w) =>
    total(penalty_slopes, (f, n) => (data.penalties[n].strength / sum_w) * f({ w }));
  // of all weights and biases, in the arrays of p
  function gradients() {
    return p.map((W, l) => {
      const m = units[l + 1];
      const g = W.map((w, at) => (at < m ? 0 : slope(w)));
      for (const { a, delta } of all)
        [1, ...a[l]].forEach((x, i) => {
          if (x !== 0) for (let j = 0, at = i * m; j < m; j++, at++) g[at] += x * delta[l + 1][j];
        });
      return g;
    });
  }
  let norm;
  return {
    ...{ p, rows: all, sum_w, penalties, penalty, gradients },
    J: total(all, (row) => row.loss) + penalty,
    smooth_J: total(all, (row) => row.smooth) + penalty,
    gradient: (at) =>
      total(all, (row) => row.term(at)) + (at.i < 0 ? 0 : slope(parameter(p, at))),
    norm: () => (norm ??= Math.sqrt(total(gradients(), (g) => total(g, (x) => x * x)))),
  };
}

const trace = remember((epoch, row) => step_numbers(epoch, row));

// (J(w + h) - J(w - h)) / 2h of the loss before clipping, for the eye: nothing else on the page
// comes from it
function central_difference(epoch, row, address) {
  const p = net(epoch);
  const [array, at, w] = [p[address.l], index_of(address), parameter(p, address)];
  const h = 6e-6 * Math.max(1, Math.abs(w));
  const J_at = (value) => {
    array[at] = value;
    return step_numbers(epoch, row, p).smooth_J;
  };
  const difference = (J_at(w + h) - J_at(w - h)) / (w + h - (w - h));
  array[at] = w;
  return difference;
}

// --- the solver's next step ----------------------------------------------------------------------

const { solver } = data;
const update_lines = solver.lines.map(([key, tree]) => [key, compile(tree)]);

// { fresh, known }: the new weight, and all that its rule names, by key. Without a rule, or where
// its memory of earlier steps was not kept: { fresh: null, why }.
function update_of(epoch, t, address) {
  const settings = data.epochs[epoch].update;
  if (!settings) return { fresh: null, why: solver.why };
  const known = { ...settings, old: parameter(t.p, address), gradient: t.gradient(address) };
  solver.memory.forEach((key, n) => {
    known[key] = slots(epoch).length ? parameter(slots(epoch)[n], address) : 0;
  });
  if (address.i < 0) for (const key of solver.of_weights) known[key] = 0;
  if (solver.needs_norm) known.norm = t.norm();
  for (const [key, f] of update_lines) known[key] = f(known);
  return { fresh: known.new, known };
}
