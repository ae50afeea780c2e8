// Gradient size by layer: whether it vanishes or explodes on its way back, and who is dead.

const root_mean_square = (values) =>
  Math.sqrt(values.reduce((s, v) => s + v * v, 0) / values.length);

// Of each weight array: the root mean squares of its gradient and of the deltas above it.
const layer_sizes = remember((epoch, row) => {
  const t = trace(epoch, row);
  return range(0, L - 1).map((l) => {
    const [n, m] = [units[l], units[l + 1]];
    const g = new Float64Array(n * m);
    for (let r = 0; r < t.count; r++)
      for (let i = 0; i < n; i++) {
        const x = t.a[l][r * n + i];
        if (x === 0) continue;
        for (let j = 0; j < m; j++) g[i * m + j] += x * t.delta[l + 1][r * m + j];
      }
    if (t.l2) for (let k = 0; k < g.length; k++) g[k] += t.l2 * t.p.W[l][k];
    return { gradient: root_mean_square(g), delta: root_mean_square(t.delta[l + 1]) };
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
  const is_kept = ratio <= FACTOR && ratio >= 1 / FACTOR;
  if (is_kept)
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
  const heads = ["weights", "gradient, root mean square", "", "units above: δ"];
  const line = (l) => {
    const { gradient } = sizes[l - 1];
    const bar = el("span.log-bar", { style: { "--size": size_of(gradient) }, "aria-hidden": true });
    const shape = `${count_of(units[l - 1])} × ${count_of(units[l])}`;
    const how_many = `${count_of(idle[l].size)} of ${count_of(units[l])} ${idle_word(l)}`;
    return el(
      "tr",
      { "data-layer": l },
      el("th", { scope: "row" }, `into ${layer_title(l)}`, el("span.name", shape)),
      el("td.size", bar),
      el("td.number", number(gradient, 3)),
      el(
        "td.cells",
        unit_cells(state, l, idle[l]),
        idle[l].size ? el("span.name", how_many) : null,
      ),
    );
  };
  return [
    el("h2", { id: "panel-title" }, "Gradient size by layer"),
    el("p.verdict", verdict(sizes)),
    any_idle ? el("p.verdict", idle_summary(idle)) : null,
    el(
      "table.layers",
      el(
        "thead",
        el(
          "tr",
          heads.map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el("tbody", range(1, L).reverse().map(line)),
    ),
    note(
      `Bars on a logarithmic scale, from ${text_of(10 ** low, 1)} to ${text_of(10 ** high, 1)}. `,
      "Cells: one for each unit, stronger in colour for a larger δ",
      any_idle ? "; crossed: those that pass (almost) none on." : ".",
    ),
    data.epochs.length > 1 ? history_charts(epoch) : null,
  ];
}

function idle_summary(idle) {
  const total = idle.reduce((sum, set) => sum + set.size, 0);
  const l = idle.findIndex((set) => set.size); // the first layer that has some speaks for all
  const { cuts } = rules[l];
  const why = cuts ? "their sums are not above 0" : "their activation is flat";
  const effect = cuts ? "no gradient passes" : "almost no gradient passes";
  const rows_here = rows.n > 1 ? "for every row here" : "for this row";
  const verb = total === 1 ? "is" : "are";
  return `${plural(total, "unit")} ${verb} ${idle_word(l)} (crossed): ${why} ${rows_here}, so ${effect}.`;
}

const [CELLS, ACROSS, CELL] = [128, 32, 9]; // most of a layer, in a row, pixels

function unit_cells({ epoch, row }, l, idle) {
  const t = trace(epoch, row);
  const sizes = range(0, units[l] - 1).map((i) => Math.abs(bias_gradient(t, l, i)));
  const shown = sizes.slice(0, CELLS);
  const top = Math.max(...shown);
  const cells = shown.map((size, i) => {
    const [x, y] = [(i % ACROSS) * CELL, Math.floor(i / ACROSS) * CELL];
    const opacity = (0.08 + 0.92 * weight_of(size, top)).toFixed(2);
    const box = { x, y, width: CELL - 1, height: CELL - 1, rx: 1.5, "fill-opacity": opacity };
    const title = svg("title", `${text_name(symbol.delta(l, i))} ${text_of(size)}`);
    const cross = { d: `M${x + 1},${y + 1}l6,6m0,-6l-6,6` };
    return [svg("rect.cell", box, title), idle.has(i) ? svg("path.cross", cross) : null];
  });
  const width = Math.min(ACROSS, shown.length) * CELL;
  const height = Math.ceil(shown.length / ACROSS) * CELL;
  const words = `sizes of δ of ${plural(sizes.length, "unit")}, ${count_of(idle.size)} ${idle_word(l)}`;
  const frame = { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" };
  return [
    svg("svg", { ...frame, "aria-label": words }, cells),
    sizes.length > CELLS
      ? el("span.name", `the first ${CELLS} of ${count_of(sizes.length)}`)
      : null,
  ];
}

// --- through the epochs --------------------------------------------------------------------------

function history_charts(epoch) {
  const losses = [{ name: "J", values: data.epochs.map((e) => e.J) }];
  const gradients = range(1, L).map((l) => ({
    name: `into ${layer_title(l)}`,
    values: data.epochs.map((e) => e.gradients[l - 1]),
  }));
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
  const y = (v) =>
    10 + (1 - (Math.log10(Math.max(v, 10 ** low)) - low) / (high - low)) * (height - 34);
  const words = series.map(
    ({ name, values }) => `${name} from ${text_of(values[0], 3)} to ${text_of(values.at(-1), 3)}`,
  );
  const frame = { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words.join(", ") };
  const label = { y: height - 7 };
  const line = ({ values }, k) =>
    svg(`path.series.series-${k % 6}`, {
      d: `M${values.map((v, n) => `${x(n).toFixed(1)},${y(v).toFixed(1)}`).join("L")}`,
    });
  return [
    svg(
      "svg.chart",
      frame,
      svg("path.axis", { d: `M${left},6V${height - 22}H${width - 6}` }),
      [10 ** high, 10 ** low].map((v) =>
        svg("text.tick.end", { x: left - 5, y: y(v) + 4 }, text_of(v, 2)),
      ),
      svg("text.tick", { x: left, ...label }, data.epochs[0].label),
      svg("text.tick.end", { x: width - 6, ...label }, data.epochs.at(-1).label),
      svg("path.now", { d: `M${x(now)},8V${height - 22}` }),
      series.map(line),
    ),
    series.length > 1
      ? el(
          "ul.key",
          series.map(({ name }, k) => el(`li.series-${k % 6}`, name)),
        )
      : null,
  ];
}
