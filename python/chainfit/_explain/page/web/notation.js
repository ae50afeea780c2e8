// Symbols of the notation at hand, from the templates of chainfit's notation.py: layers and units
// count from 0 in the code. A symbol is { base, sub, sup, after }, { base, word } with a word
// below, or { code }. An index is a number, or a letter that runs over a layer.

let notation = data.notations[data.notation];

// {j+1}: an index, with what it counts from
const filled = (template, at) =>
  template.replace(/\{([lij])([+-]\d)?\}/g, (_, letter, first) =>
    typeof at[letter] === "number" ? at[letter] + Number(first ?? 0) : at[letter],
  );

function symbol_of({ base, below, above, after }, at) {
  if (base.includes("[")) return { code: filled(base, at) };
  const indices = below.map((index) => filled(index, at));
  const sub = indices.join(indices.some((index) => index.length > 1) ? "," : "");
  return { base, sub, sup: filled(above, at), after: filled(after, at) };
}

const symbol = {
  loss: () => ({ base: notation.loss }),
  target: (j) => symbol_of(notation.target_, { j }),
  weight: (address) => symbol_of(address.i < 0 ? notation.bias_ : notation.weight_, address),
  z: (l, j) => symbol_of(notation.z_, { l, j }),
  a: (l, j) => symbol_of((l === 0 && notation.input_) || notation.a_, { l, j }),
  delta: (l, j) => symbol_of(notation.delta_, { l, j }),
};

const layer_name = (l) => (l === 0 && notation.input_layer) || filled(notation.layer_, { l });
const layer_title = (l) => (l === L ? "the outputs" : layer_name(l));

// of a name of a rule, in Unicode: β₁, ηₜ, v old
function rule_symbol(name) {
  const [letters, word] = name.split(" ");
  const [, base, below] = letters.match(/^(.[^₀-₉ₐ-ₜ]*)(.*)$/u);
  return { base, sub: below.normalize("NFKC"), word };
}

// in a line and in ASCII, as an address that chainfit.explain takes
function text_name({ base, sub, sup, after, code }) {
  const text = code ?? base + (sub && `_${sub}`) + (sup && `^${sup}`) + after;
  return text.replaceAll("δ", "delta");
}

// inside a picture
function svg_name({ base, sub, sup, after, code }) {
  if (code) return [svg("tspan.code", code)];
  const up = sub ? "-0.95em" : "-0.45em"; // from where the subscript ended
  return [
    base,
    sub && svg("tspan.script", { dy: "0.35em" }, sub),
    sup && svg("tspan.script", { dy: up }, sup),
    after && svg("tspan", { dy: "-0.25em" }, after),
  ];
}

const where_stored = ({ l, i, j }) =>
  i < 0 ? `intercepts_[${l}][${j}]` : `coefs_[${l}][${i}, ${j}]`;

// what the net calls an input or output; null where it has only a number
function unit_name(l, i) {
  const name = l === 0 ? data.features[i] : l === L ? data.outputs[i] : null;
  return name === `${l === 0 ? "x" : "y"}_${i + 1}` ? null : name;
}

// --- addresses -----------------------------------------------------------------------------------

// The address of a weight as a reader writes it, in any notation, or 1, 1, 0 for coefs_[1][1, 0];
// or { error }.
function parse_address(text) {
  const found = readings(text).filter(
    ({ l, i, j }) => l >= 0 && l < L && i >= -1 && i < units[l] && j >= 0 && j < units[l + 1],
  );
  if (found.length === 1) return found[0];
  const name = (address) => text_name(symbol.weight(address));
  if (found.length > 1) {
    const names = found.map(name).join(" or ");
    return { error: `“${text}” can be read as ${names}: put a comma between the indices.` };
  }
  const layers = range(0, L - 1).map((l) => {
    const last = { l, i: units[l] - 1, j: units[l + 1] - 1 };
    return `${name({ l, i: 0, j: 0 })} to ${name(last)}`;
  });
  return { error: `There is no “${text}” here. There are ${layers.join("; ")}, and the biases.` };
}

// All that it may mean, perhaps out of range. Patterns have a comma between indices; where a text
// has none, it may be at any place between two digits.
function readings(text) {
  const plain = text
    .replaceAll("⁽", "^(")
    .normalize("NFKC")
    .replace(/[\s{}$\\]/g, "");
  const places = plain.includes(",") ? [] : [...plain.matchAll(/(?<=\d)(?=\d)/g)];
  const cut = ({ index }) => `${plain.slice(0, index)},${plain.slice(index)}`;
  return [plain, ...places.map(cut)].flatMap((text) =>
    data.addresses.flatMap(([pattern, first]) => {
      const match = text.match(new RegExp(`^${pattern}$`, "i"));
      const index = (letter) => Number(match.groups[letter]) - first[letter];
      return match ? [{ l: index("l"), i: "i" in first ? index("i") : -1, j: index("j") }] : [];
    }),
  );
}
