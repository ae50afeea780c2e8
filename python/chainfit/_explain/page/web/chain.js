// The panel beside the picture: the chain of derivatives of the chosen weight, with its numbers.

const section = (title, ...content) => el("section", null, el("h3", null, title), ...content);
const note = (text) => el("p", { class: "note" }, text);
const entry = (name, value) => el("div", null, el("dt", null, name), el("dd", null, value));
const symbols_in_text = (s) => mathml("math", null, part(s));

function bar(value, top) {
  const size = top ? Math.min(1, Math.abs(value) / top) : 0;
  return el("span", {
    class: `bar ${sign_of(value)}`,
    style: { "--size": size },
    "aria-hidden": true,
  });
}

function head_of(address, t, fresh) {
  const { l, i, j } = address;
  const facts = [
    [i < 0 ? "bias" : "weight", parameter(t.p, address)],
    ["gradient", t.gradient(l, i, j)],
    ["next", fresh],
  ];
  return [
    el(
      "h2",
      { id: "panel-title" },
      i < 0 ? "Bias " : "Weight ",
      symbols_in_text(symbol.weight(address)),
    ),
    el(
      "p",
      { class: "where" },
      i < 0 ? "of unit " : "from ",
      i < 0 ? null : [symbols_in_text(symbol.out(l, i)), named(l, i), " to "],
      symbols_in_text(symbol.out(l + 1, j)),
      named(l + 1, j),
      ", stored in ",
      el("code", null, where_stored(address)),
    ),
    el(
      "dl",
      { class: "facts" },
      facts.map(([name, value]) =>
        el(
          "div",
          { "data-fact": name },
          el("dt", null, name),
          el("dd", null, value === null ? "–" : number(value, 4)),
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
  "so they are told as one.";

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
  const dJ = () => partial(symbol.loss(), symbol.weight(address));
  const symbols = [dJ(), equals(), ...products(factors.map((f) => f.symbols))];
  const numbers = multiplied(factors.map((f) => f.value));
  if (l2) symbols.push(mo("+"), ...l2.symbols());
  if (l2) numbers.push(mo("+"), num(l2.value));
  const step = update_of(epoch, parameter(t.p, address), g, address);
  return [
    head_of(address, t, step.fresh),
    section("Its chain", formula(symbols, [equals(), ...numbers, ...result(numbers, g)]), t.to_sum(0) && !is_softmax ? note(ROUNDED) : null),
    section("Factor by factor", factor_table(t, address, factors, l2, g)),
    paths_section(epoch, row, address, path, choose_path),
    update_section(step),
    check_section(epoch, row, address, g),
  ];
}

function factor_table(t, address, factors, l2, g) {
  const { l, j } = address;
  const line = (f, style) =>
    el(
      "tr",
      { class: style },
      el("th", { scope: "row" }, mathml("math", null, part(f.symbols))),
      el("td", null, formula([...f.rule, ...(f.numbers.length ? [equals(), ...f.numbers] : [])])),
      el("td", { class: "number" }, result_cell(f.of ?? f.numbers, f.value)),
    );
  const lines = factors.map((f) => line(f));
  if (!notation.per_neuron) {
    const delta = {
      symbols: mrow(
        part(symbol.delta(l + 1, j)),
        equals(),
        partial(symbol.loss(), symbol.sum(l + 1, j)),
      ),
      rule: [label(factors.length > 2 ? "the product so far" : "the same, by its name")],
      numbers: [],
      of: multiplied(factors.slice(0, -1).map((f) => f.value)),
      value: t.delta[l + 1][j],
    };
    lines.splice(factors.length - 1, 0, line(delta, "folded"));
  }
  if (l2) {
    const numbers = [mn(t.l2), dot(), num(parameter(t.p, address))];
    const rule = [label("L2: "), ...numbers];
    lines.push(
      line({ symbols: mrow(...l2.symbols()), rule, numbers: [], of: numbers, value: l2.value }),
    );
  }
  const whole = partial(symbol.loss(), symbol.weight(address));
  const of = multiplied(factors.map((f) => f.value));
  if (l2) of.push(mo("+"), num(l2.value));
  lines.push(
    line(
      {
        symbols: whole,
        rule: [label(l2 ? "product and L2 term" : "the product")],
        numbers: [],
        of,
        value: g,
      },
      "sum",
    ),
  );
  return el("table", { class: "factors" }, el("tbody", null, lines));
}

function paths_section(epoch, row, address, path, choose_path) {
  const { l, i, j } = address;
  const { all, shown, rest, total } = paths_of(epoch, row, l, i, j);
  if (all === 1 && l + 1 === L) return null;
  const top = shown.reduce((m, p) => Math.max(m, Math.abs(p.product)), 0);
  if (top === 0)
    return section(
      paths_title(all),
      el("p", null, all_blocked(trace(epoch, row), address, shown[0])),
    );
  const items = shown.map((p) => {
    const is_chosen = path && path.units.join() === p.units.join();
    const hops = p.units.flatMap((u, n) => ["→", symbols_in_text(symbol.out(l + 1 + n, u))]);
    const why = p.blocked
      .map(([m, u]) => [" blocked by ", symbols_in_text(symbol.out(m, u))])
      .slice(0, 1);
    return el(
      "li",
      null,
      el(
        "button",
        {
          type: "button",
          class: "path",
          "aria-pressed": String(Boolean(is_chosen)),
          onclick: () => choose_path(is_chosen ? null : p),
        },
        el(
          "span",
          { class: "hops" },
          symbols_in_text(symbol.weight(address)),
          hops,
          "→",
          symbols_in_text(symbol.loss()),
          why,
        ),
        bar(p.product, top),
        number(p.product),
      ),
    );
  });
  const others = all - shown.length;
  const terms = [...shown.map((p) => p.product), ...(others > 0 ? [rest] : [])];
  const chosen = path ?? shown[0];
  return section(
    paths_title(all),
    note(paths_words()),
    others > 0 ? note(`The ${shown.length} largest; choose one to light it up.`) : null,
    el("ul", { class: "paths" }, items),
    el(
      "dl",
      { class: "sums" },
      others > 0 ? entry(`the other ${plural(others, "path")}`, number(rest)) : null,
      entry("all together", result_cell(added(terms), total)),
    ),
    chosen && el("div", { class: "one-path" }, path_formula(trace(epoch, row), address, chosen)),
  );
}

const paths_title = (n) =>
  n === 1 ? "Its one path to the loss" : `Its ${count_of(n)} paths to the loss`;

// why every product is 0
function all_blocked(t, { l, i, j }, path) {
  const name = (layer, u) => symbols_in_text(symbol.out(layer, u));
  if (unit_slope(t, l + 1, j) === 0) {
    return [
      "Nothing comes through: ",
      name(l + 1, j),
      ` is flat here (${data.activation}), so its derivative is 0 and so is every product.`,
    ];
  }
  if (i >= 0 && t.a[l][i] === 0) {
    return [
      "Every product is 0, for ",
      name(l, i),
      " is 0: whatever the weight is, this row does not notice.",
    ];
  }
  const [blocked] = path.blocked;
  if (blocked) return ["Every path is blocked, the first by ", name(...blocked), "."];
  return ["Every product is 0: the outputs are what they should be."];
}

function path_formula(t, address, path) {
  const list = path_factors(t, address, path);
  const numbers = multiplied(list.map(({ value }) => value));
  return formula(products(list.map(({ above, below }) => partial(above, below))), [
    equals(),
    ...numbers,
    ...result(numbers, path.product),
  ]);
}

function update_section({ fresh, lines, why }) {
  const title = `Its update by ${solver_name()}`;
  return section(title, fresh === null ? note(why) : formula(...lines()));
}

function check_section(epoch, row, address, g) {
  const J = symbol.loss().base;
  const difference = central_difference(epoch, row, address);
  const noise = 1e-9 * Math.max(1, Math.abs(trace(epoch, row).J)); // of J's rounding, over h
  const agree = Math.abs(difference - g) <= 1e-5 * Math.abs(g) + noise;
  const differing = "They differ: the slope of an activation jumps nearby.";
  return section(
    "Checked",
    el(
      "dl",
      { class: "sums" },
      entry("product of the chain", number(g, 8)),
      entry(
        `central difference of ${J}`,
        el("span", { "data-fact": "difference" }, number(difference, 8)),
      ),
    ),
    note(agree ? `✓ The two agree to the rounding of ${J}.` : differing),
  );
}

// All rows as one batch: a term for each row.
function batch_panel(epoch, address, choose_row) {
  const t = trace(epoch, -1);
  const { l, i, j } = address;
  const g = t.gradient(l, i, j);
  const terms = [...Array(t.count).keys()].map((r) => ({ r, value: t.term(l, i, j, r) }));
  terms.sort((p, q) => Math.abs(q.value) - Math.abs(p.value));
  const rest = terms.splice(10);
  const left = rest.reduce((total, { value }) => total + value, 0);
  const top = terms.length ? Math.abs(terms[0].value) : 0;
  const l2 = l2_term(t, address);
  const step = update_of(epoch, parameter(t.p, address), g, address);
  const delta = part(symbol.delta(l + 1, j));
  const sum = i < 0 ? [delta] : [delta, part(symbol.out(l, i))];
  const line = [
    partial(symbol.loss(), symbol.weight(address)),
    equals(),
    mathml("munder", null, mo("∑"), label("rows")),
    mrow(...sum),
  ];
  if (l2) line.push(mo("+"), ...l2.symbols());
  line.push(equals(), mn(g));
  const added_up = [...terms.map(({ value }) => value), ...(rest.length ? [left] : [])];
  if (l2) added_up.push(l2.value);
  return [
    head_of(address, t, step.fresh),
    section(
      "Its chain, added up over all rows",
      formula(line),
      note("δ of a row has the row's share of the batch in it. Choose a row to see its chain."),
      el(
        "ul",
        { class: "paths" },
        terms.map(({ r, value }) =>
          el(
            "li",
            null,
            el(
              "button",
              { type: "button", class: "path", onclick: () => choose_row(r) },
              el("span", { class: "hops" }, row_name(r)),
              bar(value, top),
              number(value),
            ),
          ),
        ),
      ),
      el(
        "dl",
        { class: "sums" },
        rest.length ? entry(`the other ${plural(rest.length, "row")}`, number(left)) : null,
        l2 ? entry("L2 term", number(l2.value)) : null,
        entry("all together", result_cell(added(added_up), g)),
      ),
    ),
    update_section(step),
    check_section(epoch, -1, address, g),
  ];
}

const row_name = (r) => `row ${count_of(r + 1)}`;
