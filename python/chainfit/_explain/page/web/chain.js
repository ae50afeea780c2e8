// The panel beside the picture: the chain of derivatives of the chosen weight, with its numbers.

const section = (title, ...content) => el("section", el("h3", title), content);
const note = (...words) => el("p.note", words);
const entry = (name, value) => el("div", el("dt", name), el("dd", value));

// a term to choose: its name, its size beside the others', its value
function choice(n, name, value, top, attributes) {
  const size = top ? Math.min(1, Math.abs(value) / top) : 0;
  const bar = { style: { "--size": size }, "aria-hidden": true };
  return el(
    "li",
    el(
      "button.path",
      { type: "button", "data-path": n, ...attributes },
      el("span.hops", name),
      el(`span.bar.${sign_of(value)}`, bar),
      number(value),
    ),
  );
}

function head_of(address, t, fresh) {
  const { l, i, j } = address;
  const facts = [
    [i < 0 ? "bias" : "weight", parameter(t.p, address)],
    ["gradient", t.gradient(l, i, j)],
    ["next", fresh],
  ];
  const unit = (l, i) => [in_text(symbol.out(l, i)), named(l, i)];
  const where = i < 0 ? "of unit " : ["from ", unit(l, i), " to "];
  return [
    el("h2", { id: "panel-title" }, i < 0 ? "Bias " : "Weight ", in_text(symbol.weight(address))),
    el("p.where", where, unit(l + 1, j), ", stored in ", el("code", where_stored(address))),
    el(
      "dl.facts",
      facts.map(([name, value]) =>
        el(
          "div",
          { "data-fact": name },
          el("dt", name),
          el("dd", value === null ? "–" : number(value, 4)),
        ),
      ),
    ),
  ];
}

const named = (l, i) => {
  const name = unit_name(l, i);
  return name === null ? "" : ` (${name})`;
};

const ROUNDED =
  "An output is rounded to its limit, or all but that: its two derivatives would be infinite and 0, " +
  "so they are taken together, as one.";

// what explain says of a path, too
const paths_words = () => {
  const [J, z] = [symbol.loss(), symbol.sum(L, 0)].map(({ base }) => base ?? "z");
  return (
    "A path goes through one unit of each layer above the weight." +
    (is_softmax
      ? ` The softmax moves all outputs at once: ∂${J}/∂${z} takes them together, as one factor.`
      : "")
  );
};

function row_panel(epoch, row, address, path, choose_path) {
  const t = trace(epoch, row);
  const { l, i, j } = address;
  const g = t.gradient(l, i, j);
  const factors = factors_of(t, address);
  const l2 = l2_term(t, address);
  const chain = with_l2(product_of(factors.map((f) => f.derivative)), l2);
  const dJ = partial(symbol.loss(), symbol.weight(address));
  const step = update_of(epoch, parameter(t.p, address), g, address);
  return [
    head_of(address, t, step.fresh),
    section(
      "Its chain",
      formula([dJ, equals(), ...symbols(chain)], result(chain, g)),
      t.to_sum(0) && !is_softmax ? note(ROUNDED) : null,
    ),
    section("Factor by factor", factor_table(t, address, factors, l2, chain, g)),
    paths_section(epoch, row, address, path, choose_path),
    update_section(step, address),
    check_section(epoch, row, address, g),
  ];
}

function factor_table(t, address, factors, l2, chain, g) {
  const { l, j } = address;
  const line = (style, left, middle, of, value) =>
    el(
      "tr",
      { class: style },
      el(
        "th",
        { scope: "row" },
        left.map((part) => [in_text(part), " "]),
      ),
      el("td", formula(middle)),
      el("td.number", result_cell(of, value)),
    );
  const in_both = (rule, general = rule) =>
    Array.isArray(rule) ? [...symbols(general), equals(), ...numbers(rule)] : symbols(general);
  const lines = factors.map(({ derivative, rule, general }) =>
    line(null, symbols(derivative), in_both(rule, general), rule, derivative.value),
  );
  if (!notation.per_neuron) {
    const z = symbol.sum(l + 1, j);
    const left = [mrow(part(symbol.delta(l + 1, j)), equals()), partial(symbol.loss(), z)];
    const words = factors.length > 2 ? "the product so far" : "the same, by its name";
    const so_far = product_of(factors.slice(0, -1).map((f) => f.derivative));
    const delta = line("folded", left, [label(words)], so_far, t.delta[l + 1][j]);
    lines.splice(factors.length - 1, 0, delta);
  }
  if (l2)
    lines.push(
      line(null, [whole(l2, false)], [label("L2: "), ...numbers(l2)], l2, compile(l2)({})),
    );
  const words = l2 ? "product and L2 term" : "the product";
  const dJ = partial(symbol.loss(), symbol.weight(address));
  lines.push(line("sum", [dJ], [label(words)], chain, g));
  return el("table.factors", el("tbody", lines));
}

// what stands below each other, added up
const column_sum = (values) => sum_of(values.map((value) => ({ value })));

function paths_section(epoch, row, address, path, choose_path) {
  const { l, i, j } = address;
  const t = trace(epoch, row);
  const { all, shown, rest, total } = paths_of(epoch, row, l, i, j);
  if (all === 1 && l + 1 === L) return null;
  const title = all === 1 ? "Its one path to the loss" : `Its ${count_of(all)} paths to the loss`;
  const top = shown.reduce((m, p) => Math.max(m, Math.abs(p.product)), 0);
  if (top === 0) return section(title, el("p", all_blocked(t, address, shown[0])));
  const items = shown.map((p, n) => {
    const is_chosen = path?.units.join() === p.units.join();
    const hops = p.units.map((u, n) => ["→", in_text(symbol.out(l + 1 + n, u))]);
    const [blocked] = p.blocked;
    const why = blocked && [" blocked by ", in_text(symbol.out(...blocked))];
    const name = [in_text(symbol.weight(address)), hops, "→", in_text(symbol.loss()), why];
    return choice(n, name, p.product, top, {
      "aria-pressed": String(is_chosen),
      onclick: () => choose_path(is_chosen ? null : p),
    });
  });
  const others = all - shown.length;
  const terms = [...shown.map((p) => p.product), ...(others > 0 ? [rest] : [])];
  const chosen = path ?? shown[0];
  const product = product_of(path_factors(t, address, chosen));
  return section(
    title,
    note(paths_words()),
    others > 0 ? note(`The ${shown.length} largest; choose one to light it up.`) : null,
    el("ul.paths", items),
    el(
      "dl.sums",
      others > 0 ? entry(`the other ${plural(others, "path")}`, number(rest)) : null,
      entry("all together", result_cell(column_sum(terms), total)),
    ),
    el("div.one-path", formula(symbols(product), result(product, chosen.product))),
  );
}

// why every product is 0
function all_blocked(t, { l, i, j }, path) {
  const name = (layer, u) => in_text(symbol.out(layer, u));
  if (slope(t, l + 1, j) === 0) {
    const words = ` is flat here (${rules[l + 1].name}), so its derivative is 0 and so is every product.`;
    return ["Nothing comes through: ", name(l + 1, j), words];
  }
  if (i >= 0 && t.a[l][i] === 0) {
    const words = " is 0: whatever the weight is, this row does not notice.";
    return ["Every product is 0, for ", name(l, i), words];
  }
  const [blocked] = path.blocked;
  if (blocked) return ["Every path is blocked, the first by ", name(...blocked), "."];
  return ["Every product is 0: the outputs are what they should be."];
}

const update_section = (step, address) =>
  section(
    `Its update by ${solver.words}`,
    step.fresh === null ? note(step.why) : formula(...update_equations(step, address)),
  );

function check_section(epoch, row, address, g) {
  const J = symbol.loss().base;
  const difference = central_difference(epoch, row, address);
  const noise = 1e-9 * Math.max(1, Math.abs(trace(epoch, row).J)); // of J's rounding, over h
  const agree = Math.abs(difference - g) <= 1e-5 * Math.abs(g) + noise;
  const differing = "They differ: the slope of an activation jumps nearby.";
  const by_difference = el("span", { "data-fact": "difference" }, number(difference, 8));
  return section(
    "Checked",
    el(
      "dl.sums",
      entry("product of the chain", number(g, 8)),
      entry(`central difference of ${J}`, by_difference),
    ),
    note(agree ? `✓ The two agree to the rounding of ${J}.` : differing),
  );
}

const ROWS_SHOWN = 10;

// All rows as one batch: a term for each row.
function batch_panel(epoch, address, choose_row) {
  const t = trace(epoch, -1);
  const { l, i, j } = address;
  const g = t.gradient(l, i, j);
  const terms = range(0, t.count - 1).map((r) => ({ r, value: t.term(l, i, j, r) }));
  terms.sort((p, q) => Math.abs(q.value) - Math.abs(p.value));
  const rest = terms.splice(ROWS_SHOWN);
  const left = rest.reduce((total, { value }) => total + value, 0);
  const top = Math.abs(terms[0].value);
  const l2 = l2_term(t, address);
  const delta = at_value(symbol.delta(l + 1, j));
  const of_row = i < 0 ? delta : ["Product", [delta, at_value(symbol.out(l, i))]];
  const chain = with_l2({ over: "rows", body: of_row }, l2);
  const dJ = partial(symbol.loss(), symbol.weight(address));
  const added_up = [...terms.map(({ value }) => value), ...(rest.length ? [left] : [])];
  if (l2) added_up.push(compile(l2)({}));
  const items = terms.map(({ r, value }, n) =>
    choice(n, `row ${count_of(r + 1)}`, value, top, { onclick: () => choose_row(r) }),
  );
  const step = update_of(epoch, parameter(t.p, address), g, address);
  return [
    head_of(address, t, step.fresh),
    section(
      "Its chain, added up over all rows",
      formula([dJ, equals(), ...symbols(chain), equals(), mn(g)]),
      note("δ of a row has the row's share of the batch in it. Choose a row to see its chain."),
      el("ul.paths", items),
      el(
        "dl.sums",
        rest.length ? entry(`the other ${plural(rest.length, "row")}`, number(left)) : null,
        l2 ? entry("L2 term", number(added_up.at(-1))) : null,
        entry("all together", result_cell(column_sum(added_up), g)),
      ),
    ),
    update_section(step, address),
    check_section(epoch, -1, address, g),
  ];
}
