// Gradient size by layer: whether it vanishes or explodes on its way back, and who is dead.

const root_mean_square = (values) => Math.sqrt(total(values, (v) => v * v) / values.length);

// Of each weight array: the root mean squares of its gradient and of the deltas above it.
const layer_sizes = remember((epoch, row) => {
  const t = trace(epoch, row);
  return t.gradients().map((g, l) => {
    const m = units[l + 1]; // biases do not count
    const deltas = t.rows.flatMap(({ delta }) => [...delta[l + 1]]);
    return { gradient: root_mean_square(g.subarray(m)), delta: root_mean_square(deltas) };
  });
});

const FACTOR = 100; // first and last layer differing by more is worth a word

function verdict(sizes) {
  const [first, last] = [sizes[0].gradient, sizes[L - 1].gradient];
  if (L === 1)
    return "One layer of weights: there is nothing on the way for the gradient to vanish in.";
  if (first === 0 && last === 0)
    return "All gradients are 0: nothing is left to learn from here, or nothing passes.";
  if (first === 0) return "No gradient reaches the first layer.";
  const ratio = last / first;
  const times = text_of(Math.max(ratio, 1 / ratio), 2);
  if (ratio <= FACTOR && ratio >= 1 / FACTOR)
    return `The gradient keeps its size: first and last layer differ by a factor of ${times}.`;
  const [happens, how] = ratio > 1 ? ["vanishes", "smaller"] : ["explodes", "larger"];
  return `The gradient ${happens}: in the first layer it is ${times} times ${how} than in the last.`;
}

function layers_view(state) {
  const { epoch, row } = state;
  const sizes = layer_sizes(epoch, row);
  const all = sizes.flatMap(({ gradient, delta }) => [gradient, delta]);
  const logs = all.filter((v) => v > 0).map(Math.log10);
  const low = Math.floor(Math.min(...logs, -1)) - 0.5;
  const high = Math.ceil(Math.max(...logs, low + 2));
  const size_of = (v) => (v > 0 ? (Math.log10(v) - low) / (high - low) : 0);
  const idle = idle_units(epoch);
  const any_idle = idle.some((set) => set.size);
  const th = (scope, ...content) => el("th", { scope }, content);
  const name = (words) => el("span.name", words);
  const line = (l) => {
    const { gradient } = sizes[l - 1];
    const shape = `${count_of(units[l - 1])} × ${count_of(units[l])}`;
    const bar = { "--size": size_of(gradient), "aria-hidden": true };
    const how_many = `${count_of(idle[l].size)} of ${count_of(units[l])} ${idle_word(l)}`;
    return el(
      "tr",
      { "data-layer": l },
      th("row", `into ${layer_title(l)}`, name(shape)),
      el("td.size", el("span.bar", bar)),
      el("td.number", number(gradient, 3)),
      el("td.cells", unit_cells(state, l, idle[l]), idle[l].size > 0 && name(how_many)),
    );
  };
  const heads = ["weights", "gradient, root mean square", "", "units above: δ"];
  const head = heads.map((words) => th("col", words));
  return [
    panel_title("Gradient size by layer"),
    el("p.verdict", verdict(sizes)),
    any_idle && el("p.verdict", idle_summary(idle)),
    el("table.layers", el("thead", el("tr", head)), el("tbody", backward.map(line))),
    note(
      `Bars on a logarithmic scale, from ${text_of(10 ** low, 1)} to ${text_of(10 ** high, 1)}. `,
      "Cells: one for each unit, stronger in colour for a larger δ",
      any_idle ? "; crossed: those that pass (almost) none on." : ".",
    ),
    data.epochs.length > 1 && history_charts(epoch),
  ];
}

function idle_summary(idle) {
  const n = total(idle, (set) => set.size);
  const l = idle.findIndex((set) => set.size); // the first layer that has some speaks for all
  const why = rules[l].cuts ? "their sums are not above 0" : "their activation is flat";
  const rows_here = rows.n > 1 ? "for every row here" : "for this row";
  const are = `${plural(n, "unit")} ${n === 1 ? "is" : "are"} ${idle_word(l)} (crossed)`;
  return `${are}: ${why} ${rows_here}, so ${idle_effect(l)}.`;
}

const CELLS = 128; // of a layer, at most

function unit_cells({ epoch, row }, l, idle) {
  const t = trace(epoch, row);
  const sizes = indices_of(l).map((i) => Math.abs(bias_gradient(t, l, i)));
  const shown = sizes.slice(0, CELLS);
  const top = Math.max(...shown);
  const cells = shown.map((size, i) => {
    const title = `${text_name(symbol.delta(l, i))} ${text_of(size)}`;
    return el("i", { class: [idle.has(i) && "cross"], title, "--size": weight_of(size, top) });
  });
  const of_them = `${count_of(idle.size)} ${idle_word(l)}`;
  const words = `sizes of δ of ${plural(sizes.length, "unit")}, ${of_them}`;
  const more = sizes.length > CELLS && `the first ${CELLS} of ${count_of(sizes.length)}`;
  return [el("div", { role: "img", "aria-label": words }, cells), more && el("span.name", more)];
}

// --- through the epochs --------------------------------------------------------------------------

function history_charts(epoch) {
  const of_epochs = (name, value) => ({ name, values: data.epochs.map(value) });
  const losses = [of_epochs("J", (e) => e.J)];
  const gradients = range(1, L).map((l) =>
    of_epochs(`into ${layer_title(l)}`, (e) => e.gradients[l - 1]),
  );
  const figure = (title, series) =>
    el("figure", el("figcaption", title), line_chart(series, epoch));
  return el(
    "div.charts",
    figure(`${symbol.loss().base} by epoch, all rows`, losses),
    figure("Gradient by layer and epoch, all rows", gradients),
  );
}

function line_chart(series, now) {
  const [width, height, left] = [360, 150, 46];
  const positive = series.flatMap(({ values }) => values).filter((v) => v > 0);
  const low = Math.log10(Math.min(...positive));
  const high = Math.max(Math.log10(Math.max(...positive)), low + 0.1);
  const x = (n) => left + (n / Math.max(1, data.epochs.length - 1)) * (width - left - 10);
  const share = (v) => (Math.log10(Math.max(v, 10 ** low)) - low) / (high - low);
  const y = (v) => 10 + (1 - share(v)) * (height - 34);
  const point = (v, n) => `${x(n).toFixed(1)},${y(v).toFixed(1)}`;
  const line = ({ values }, k) =>
    svg(`path.series.series-${k % 6}`, { d: `M${values.map(point).join("L")}` });
  const words = series.map(
    ({ name, values }) => `${name} from ${text_of(values[0], 3)} to ${text_of(values.at(-1), 3)}`,
  );
  const tick = (kind, x, y, words) => svg(`text.tick${kind}`, { x, y }, words);
  const chart = svg(
    "svg.chart",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words.join(", ") },
    svg("path.axis", { d: `M${left},6V${height - 22}H${width - 6}` }),
    [10 ** high, 10 ** low].map((v) => tick(".end", left - 5, y(v) + 4, text_of(v, 2))),
    tick("", left, height - 7, data.epochs[0].label),
    tick(".end", width - 6, height - 7, data.epochs.at(-1).label),
    svg("path.now", { d: `M${x(now)},8V${height - 22}` }),
    series.map(line),
  );
  const key = series.map(({ name }, k) => el(`li.series-${k % 6}`, name));
  return [chart, series.length > 1 && el("ul.key", key)];
}
