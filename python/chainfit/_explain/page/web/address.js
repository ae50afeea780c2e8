// Addresses of weights as a reader writes them, in any notation: w_12^(2), w_3,12^(1), W_21(1),
// W[1][1, 0], coefs_[1][1, 0], intercepts_[0][2], or 1, 1, 0 for coefs_[1][1, 0].

// { l, i, j }, i = -1 for a bias; or { error }
function parse_address(text) {
  const plain = text.replace(/[\s{}$\\]/g, "");
  const found = readings(plain).filter(
    ([l, i, j]) => l >= 0 && l < L && i >= -1 && i < units[l] && j >= 0 && j < units[l + 1],
  );
  if (found.length === 1) return { l: found[0][0], i: found[0][1], j: found[0][2] };
  if (found.length > 1) {
    const names = found.map(([l, i, j]) => text_name(symbol.weight({ l, i, j })));
    return {
      error: `“${text}” can be read as ${names.join(" or ")}: put a comma between the indices.`,
    };
  }
  const layers = range(0, L - 1).map((l) => {
    const last = { l, i: units[l] - 1, j: units[l + 1] - 1 };
    return `${text_name(symbol.weight({ l, i: 0, j: 0 }))} to ${text_name(symbol.weight(last))}`;
  });
  return { error: `There is no “${text}” here. There are ${layers.join("; ")}, and the biases.` };
}

// all that it may mean, as [l, i, j] from 0, perhaps out of range
function readings(text) {
  let match;
  if ((match = text.match(/^\(?(\d+),(\d+),(\d+)\)?$/))) return [match.slice(1).map(Number)];
  if ((match = text.match(/^(?:W|coefs_?)\[(\d+)\]\[(\d+),(\d+)\]$/i)))
    return [match.slice(1).map(Number)];
  if ((match = text.match(/^(?:b|intercepts_?)\[(\d+)\]\[(\d+)\]$/i)))
    return [[Number(match[1]), -1, Number(match[2])]];
  if ((match = text.match(/^b_(\d+)\^\((\d+)\)$/i))) return [[match[2] - 1, -1, match[1] - 1]];
  if ((match = text.match(/^b_(\d+)\((\d+)\)$/i))) return [[match[1] - 1, -1, match[2] - 1]];
  if ((match = text.match(/^w_([\d,]+)\^\((\d+)\)$/i)))
    return pairs(match[1]).map(([j, i]) => [match[2] - 1, i - 1, j - 1]);
  if ((match = text.match(/^w_([\d,]+)\((\d+)\)$/i)))
    return pairs(match[1]).map(([l, i]) => [l - 1, i - 1, match[2] - 1]);
  return [];
}

// two indices: at their comma, or every cut of a row of digits
function pairs(digits) {
  const cuts = digits.includes(",")
    ? [digits.split(",")]
    : range(1, digits.length - 1).map((at) => [digits.slice(0, at), digits.slice(at)]);
  return cuts
    .filter((cut) => cut.length === 2 && cut.every((d) => /^[1-9]\d*$/.test(d)))
    .map((cut) => cut.map(Number));
}
