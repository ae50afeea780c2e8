// The panel beside the picture: the chain of derivatives of the chosen weight, with its numbers; of
// all rows as one batch a term for each row.

const section = (title, ...content) => el("section", el("h3", title), content);
const note = (...words) => el("p.note", words);
const entry = (name, value, fact) =>
  el("div", { "data-fact": fact }, el("dt", name), el("dd", value));

const panel_title = (...words) => el("h2", { id: "panel-title" }, words);

// a line of a table: what it is, its rule, the true sign and the value
const rule_line = (what, middle, of, value, style, name) =>
  el(
    "tr",
    { class: [style] },
    el("th", { scope: "row" }, what.map(in_math), name && el("span.name", name)),
    el("td", middle && formula(middle)),
    el("td.number", value === null ? "–" : result_cell(of, value)),
  );
const in_math = (part) => [mathml("math", part), " "];

// terms to choose from, largest first: { name, value, is_chosen }
function ranking(terms) {
  const top = Math.abs(terms[0].value);
  const item = ({ name, value, is_chosen }, n) => {
    const size = top ? Math.min(1, Math.abs(value) / top) : 0;
    return el(
      "button.path",
      { type: "button", "data-path": n, "aria-pressed": is_chosen },
      el("span.hops", name),
      el(`span.bar.${sign_of(value)}`, { "--size": size, "aria-hidden": true }),
      number(value),
    );
  };
  const items = terms.map((term, n) => el("li", item(term, n)));
  return el("ul.paths", items);
}

// What stands below each other, and what it makes: [name, value], and the name of the rest.
function added_up(terms, rest, words, penalties, value) {
  const named = penalties.map((tree, n) => [data.penalties[n].words, value_of(tree)]);
  const more = [words && [words, rest], ...named].filter(Boolean);
  const all = sum(...terms, ...more.map(([, value]) => ({ value })));
  return el(
    "dl.sums",
    more.map(([name, value]) => entry(name, number(value))),
    entry("all together", result_cell(all, value)),
  );
}

function chain_panel({ epoch, row, weight, path }) {
  const t = trace(epoch, row);
  const q = quantities(t);
  const step = update_of(epoch, t, weight);
  return [
    head_of(weight, t, step.fresh),
    row < 0
      ? batch_section(t, q, weight)
      : row_sections(t, q, weight, paths_section(epoch, row, weight, path, q)),
    section(
      `Its update by ${solver.words}`,
      step.fresh === null ? note(step.why) : formula(...update_equations(step, weight, t)),
      step.fresh !== null && solver.note && note(solver.note),
    ),
    check_section(epoch, row, weight, t),
  ];
}

function head_of(at, t, fresh) {
  const { l, i, j } = at;
  const unit = (l, i) => {
    const name = unit_name(l, i);
    return [in_text(symbol.a(l, i)), name !== null && ` (${name})`];
  };
  const fact = ([name, value]) => entry(name, value === null ? "–" : number(value), name);
  const kind = i < 0 ? "bias" : "weight";
  const from = i < 0 ? "of unit " : ["from ", unit(l, i), " to "];
  const facts = { [kind]: parameter(t.p, at), gradient: t.gradient(at), next: fresh };
  return [
    panel_title(i < 0 ? "Bias " : "Weight ", in_text(symbol.weight(at))),
    el("p.where", from, unit(l + 1, j), ", stored in ", el("code", where_stored(at))),
    el("dl.facts", Object.entries(facts).map(fact)),
  ];
}

const ROUNDED =
  "An output is rounded to its limit, or all but that: its two derivatives would be infinite and " +
  "0, so they are taken together, as one.";

function row_sections(t, q, at, paths) {
  const factors = q.factors(at);
  const penalties = q.penalties(at);
  const chain = with_penalties(product(...factors.map(({ of }) => of)), penalties);
  const dJ = q.dJ_dw(at);
  const rounded = t.rows[0].to_sum && !is_softmax && note(ROUNDED);
  return [
    section("Its chain", formula(chain_of(dJ, chain), result(chain, dJ.value)), rounded),
    section("Factor by factor", factor_table(q, at, factors, penalties, chain, dJ)),
    paths,
  ];
}

function factor_table(q, at, factors, penalties, chain, dJ) {
  const lines = factors.map(({ of, rule, general = rule }) => {
    const in_numbers = Array.isArray(rule) ? [equals(), ...numbers(rule)] : [];
    return rule_line(symbols(of), [...symbols(general), ...in_numbers], rule, of.value);
  });
  if (!notation.per_neuron) {
    const delta = q.delta(at.l + 1, at.j);
    const what = [mrow(symbols(delta), equals()), ...symbols(q.dJ_dz(at.l + 1, at.j))];
    const words = factors.length > 2 ? "the product so far" : "the same, by its name";
    const so_far = product(...factors.slice(0, -1).map(({ of }) => of));
    lines.splice(-1, 0, rule_line(what, [label(words)], so_far, delta.value, "folded"));
  }
  const names = penalties.map((_, n) => data.penalties[n].words);
  for (const [n, tree] of penalties.entries()) {
    const what = [label(`${names[n].split(" ")[0]}: `), ...numbers(tree)];
    lines.push(rule_line([whole(tree)], what, tree, value_of(tree)));
  }
  const and = names.length > 1 ? "penalties" : names[0];
  const words = label(names.length ? `product and ${and}` : "the product");
  lines.push(rule_line(symbols(dJ), [words], chain, dJ.value, "sum"));
  return el("table.factors", el("tbody", lines));
}

// what explain says of a path, too
function path_words() {
  const [J, z] = [symbol.loss(), symbol.z(L, 0)].map(({ base }) => base ?? "z");
  const words = "A path goes through one unit of each layer above the weight.";
  if (!is_softmax) return words;
  const derivative = `∂${J}/∂${z} takes them together, as one factor.`;
  return `${words} The softmax moves all outputs at once: ${derivative}`;
}

function paths_section(epoch, row, at, path, q) {
  const { l } = at;
  const { all, shown, rest, total } = paths_of(epoch, row, at);
  if (all === 1 && l + 1 === L) return null;
  const title = all === 1 ? "Its one path to the loss" : `Its ${count_of(all)} paths to the loss`;
  if (shown[0].product === 0)
    return section(title, el("p", all_blocked(trace(epoch, row).rows[0], at, shown[0])));
  const items = shown.map((p, n) => {
    const hops = p.units.map((u, n) => ["→", in_text(symbol.a(l + 1 + n, u))]);
    const [blocked] = p.blocked;
    const why = blocked && [" blocked by ", in_text(symbol.a(...blocked))];
    return {
      name: [in_text(symbol.weight(at)), hops, "→", in_text(symbol.loss()), why],
      value: p.product,
      is_chosen: n === path,
    };
  });
  const others = all - shown.length;
  const terms = shown.map(({ product }) => ({ value: product }));
  const chosen = shown[path ?? 0];
  const factors = product(...q.path(at, chosen));
  return section(
    title,
    note(path_words()),
    others > 0 && note(`The ${shown.length} largest; choose one to light it up.`),
    ranking(items),
    added_up(terms, rest, others > 0 && `the other ${plural(others, "path")}`, [], total),
    el("div.one-path", formula(symbols(factors), result(factors, chosen.product))),
  );
}

// why every product is 0
function all_blocked(row, { l, i, j }, path) {
  const name = (layer, u) => in_text(symbol.a(layer, u));
  if (mask_of(row, l + 1, j) === 0)
    return ["Nothing comes through: ", name(l + 1, j), " is dropped in this step."];
  if (slope(row, l + 1, j) === 0) {
    const words = ` is flat here (${rules[l + 1].name}), so its derivative is 0`;
    return ["Nothing comes through: ", name(l + 1, j), words, " and so is every product."];
  }
  if (row.a[l][i] === 0) {
    const words = " is 0: whatever the weight is, this row does not notice.";
    return ["Every product is 0, for ", name(l, i), words];
  }
  const [blocked] = path.blocked;
  if (blocked) return ["Every path is blocked, the first by ", name(...blocked), "."];
  return ["Every product is 0: the outputs are what they should be."];
}

const ROWS_SHOWN = 10;

const ranked_rows = (t, at) =>
  largest(t.rows.keys(), (r) => Math.abs(t.rows[r].term(at)), t.rows.length);

function batch_section(t, q, at) {
  const value = (r) => t.rows[r].term(at);
  const order = ranked_rows(t, at);
  const [shown, others] = [order.slice(0, ROWS_SHOWN), order.slice(ROWS_SHOWN)];
  const penalties = q.penalties(at);
  const chain = with_penalties({ over: "rows", body: q.gradient_rule(at) }, penalties);
  const dJ = q.dJ_dw(at);
  const items = shown.map((r) => ({ name: `row ${count_of(r + 1)}`, value: value(r) }));
  const words = others.length > 0 && `the other ${plural(others.length, "row")}`;
  const rest = total(others, value);
  return section(
    "Its chain, added up over all rows",
    formula([...chain_of(dJ, chain), equals(), mn(dJ.value)]),
    note("δ of a row has the row's share of the batch in it. Choose a row to see its chain."),
    ranking(items),
    added_up(items, rest, words, penalties, dJ.value),
  );
}

function check_section(epoch, row, at, t) {
  const J = symbol.loss().base;
  const g = t.gradient(at);
  const difference = central_difference(epoch, row, at);
  const noise = 1e-9 * Math.max(1, Math.abs(t.J)); // of J's rounding, over h
  const agree = Math.abs(difference - g) <= 1e-5 * Math.abs(g) + noise;
  const both = [
    entry("product of the chain", number(g, 8)),
    entry(`central difference of ${J}`, number(difference, 8), "difference"),
  ];
  const differing = "They differ: the slope of an activation jumps nearby.";
  const words = agree ? `✓ The two agree to the rounding of ${J}.` : differing;
  return section("Checked", el("dl.sums", both), note(words));
}
