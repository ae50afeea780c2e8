"""The chain of one weight as a document, in an order that can be read.

To add a section: a function here or in `story_delta` that returns it, or None where it does not
apply, and its place in `chain_story`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._common.printable import printable
from . import document as d
from .chain import ChainNumbers
from .formula import Constant, Formula, Partial, Product, Quantity, Rest, Trail, plain, total
from .rows import BlockedUnit, Path
from .story import given, net_words, objective, remarks
from .story_delta import StorySymbols, blocked, folded, through_softmax
from .story_table import from_cell, which_net
from .story_update import update_of_weight

MAX_ROWS = 8  # of a batch that are shown one by one
MAX_TERMS = 8  # rows of a batch in the sum that LaTeX has


def chain_story(chain: ChainNumbers, *, hide_numbers: bool = False) -> d.Document:
    """Return the sections of a chain that apply to it.

    With hidden numbers those that would give away the answers are left out, and what is given is
    added.
    """
    s = StorySymbols(chain)
    sections = {
        "head": head(s),
        "cell": from_cell(s),
        "given": given(s, chain.update, s.of_row) if hide_numbers else None,
        "chain": display(s),
        "factors": factors(s),
        "paths": paths(s, hide_numbers=hide_numbers),
        "softmax": through_softmax(s),
        "delta": folded(s),
        "blocked": None if hide_numbers else blocked(s),
        "rows": rows(s),
        "l2": l2(s),
        "update": update_of_weight(s, chain.update),
        "verified": None if hide_numbers else verified(s),
    }
    return d.Document(tuple(filter(None, sections.values())), tuple(sections))


# --- what it is about ----------------------------------------------------------------------------


def head(s: StorySymbols) -> d.Section:
    """Say what J is, what is explained, and where it is stored."""
    chain, notation = s.chain, s.notation
    n = s.shown.n_paths
    along = "one path" if n == 1 else f"{n:,} paths"
    scope = f"one row, along {along}"
    if s.batch:
        scope = f"{chain.n_rows:,} rows, along {along} in each"
    value = (s.dJ(s.weight), " = ", d.number(chain.value), f"   on {scope}")
    where = (s.weight, " = ", Constant(chain.weight), _where(s))
    facts = (
        d.Row.of("bias" if s.address.source is None else "weight", where),
        d.Row.of("stored in", s.address.stored),
        d.Row.of("net", net_words(s)),
        d.Row.of("notation", (f"{notation.key}: ", *notation.legend())),
    )
    J, J_row = objective(s)
    loss = s.loss.words
    penalties = " and ".join(f"the {penalty.words}" for penalty in s.penalties.values())
    about = f"with {penalties}" if penalties else "no L2 term"
    about = about if s.batch else f"{loss}; {about}"
    J = (*J, f", the function whose gradient training applies ({about})")
    J_row = (*J_row, f" ({loss})") if s.batch else ()
    words = d.Paragraph.of(J, J_row, value, *remarks(s), *which_net(s))
    return d.Section.of("head", "", words, d.Equations(facts, "facts"))


def _where(s: StorySymbols) -> str:
    l, i, j = s.address
    to = s.notation.place(l + 1, j)
    if l + 1 == s.L:
        to += _called(s.net.output_names[j], "y", j)
    if i is None:
        return f", of {to}"
    place = s.notation.place(l, i)
    if l == 0:
        place += _called(s.net.feature_names[i], "x", i)
    return f", from {place} to {to}"


def _called(name: str, letter: str, unit: int) -> str:
    return "" if name == f"{letter}_{unit + 1}" else f" ({printable(name)})"


# --- the chain -----------------------------------------------------------------------------------


def display(s: StorySymbols) -> d.Section:
    """Write the chain in general: letters for the units that a path may choose."""
    units = [s.letter(m, m - s.l - 2) for m in range(s.l + 2, s.L + 1)]
    letters = tuple(u for u in units if isinstance(u, str))
    after: list[d.Word | d.Words] = []
    if letters:
        *others, last = letters
        listed = f"{', '.join(others)} and {last}" if others else last
        after.append(f"Each choice of {listed} is one path from the weight to the loss.")
    if s.coupled:
        dJ_dz = Partial(s.J_row, s.notation.z(s.L, [s.address.target, *units][-1]))
        name = s.net.out_activation
        together = " takes them together, as one factor of a path."
        after.append((f"A {name} moves all outputs at once: ", dJ_dz, together))
    if s.batch:
        after.append((s.J, " is a mean: its derivative is the mean of the rows'."))
    left, whole = Partial(s.J_row, s.weight), s.dJ(s.weight) if s.batch else None
    factors = tuple(factor.partial for factor in s.factors(units))
    shown = d.Display(left, letters, factors, whole, tuple(_terms(s)), s.chain.value)
    return d.Section.of("chain", "The chain", shown, d.Paragraph.of(*after))


def _terms(s: StorySymbols) -> list[Formula]:
    """Return what adds up to dJ/dw: paths of the one row, or rows of a batch; and the L2 term."""
    chain, terms = s.chain, list[Formula]()
    if s.batch:
        pairs = list(zip(map(float, chain.share), map(float, chain.terms), strict=True))
        for share, term in pairs[:MAX_TERMS]:
            terms.append(Product((plain(share), plain(term))))
        if len(pairs) > MAX_TERMS:
            rest = sum(share * term for share, term in pairs[MAX_TERMS:])
            terms.append(Rest(len(pairs) - MAX_TERMS, rest))
    else:
        terms += [path.formula for path in s.shown.paths]
        if not s.shown.complete:
            terms.append(Rest(s.shown.n_paths - len(s.shown.paths), s.shown.remainder))
    terms += [plain(term) for term in chain.penalty_terms.values() if term]
    return terms or [Constant(0)]


def factors(s: StorySymbols) -> d.Section:
    """Write the factors of the only path, or of the largest one, with their local rules."""
    path = s.largest_path()
    if path is not None:
        shown, value = path.factors, path.product
    else:  # none of so many is open
        shown, value = s.shown.factors, s.shown.share * s.shown.term
    found = [d.equal_to(f.partial, f.rule) for f in shown]
    product = Product(tuple(factor.partial for factor in shown))
    found.append(d.Row.of("product", d.Numbers(product), d.number(value)))
    intro: d.Words = ()
    if path is not None and s.shown.n_paths > 1:
        intro = ("Along the largest path, ", _trail(s, path), ":")
    return d.Section.of("factors", f"Each factor{s.of_row}", d.Paragraph.of(intro), found)


def paths(s: StorySymbols, *, hide_numbers: bool) -> d.Section | None:
    """Write every path, or the largest ones and the rest, with product and sum."""
    row = s.shown
    if row.n_paths == 1:
        return None
    found = []
    for path in row.paths:
        remark = () if hide_numbers else _reasons(s, path.blocks)
        sides = d.Numbers(path.formula), d.number(path.product)
        found.append(d.Row.of(_trail(s, path), *sides, remark=remark))
    shown = [path.product for path in row.paths]
    if not row.complete:
        n = row.n_paths - len(row.paths)
        others = "1 other path" if n == 1 else f"{n:,} other paths"
        found.append(d.Row.of(others if row.paths else f"{n:,} paths", d.number(row.remainder)))
        shown.append(row.remainder)
    found.append(d.Row.of("sum", d.number(row.share * row.term), made_of=d.sum_of(shown)))
    if row.complete:
        title = f"Every path: all {row.n_paths}"
    elif row.paths:
        which = "all open ones" if len(row.paths) == row.n_alive else "the largest"
        title = f"Every path: {len(row.paths)} of {row.n_paths:,}, {which}"
    else:
        title = f"Every path: none of {row.n_paths:,} is open"
    intro = (
        "A path goes through one unit of each layer above the weight. Its factors stand in the "
        "order of the chain, from the loss to the weight."
    )
    equations = d.Equations(found, "trails")
    return d.Section.of(
        "paths", title + s.of_row, d.Paragraph.of(intro if row.paths else ""), equations
    )


def _trail(s: StorySymbols, path: Path) -> Trail:
    return Trail(tuple(s.notation.a(m, unit) for m, unit in path.nodes))


def _reasons(s: StorySymbols, blocks: Sequence[BlockedUnit]) -> d.Words:
    return d.joined(", ", [(s.notation.a(b.layer, b.unit), f" {b.reason}") for b in blocks])


# --- the batch -----------------------------------------------------------------------------------


def rows(s: StorySymbols) -> d.Section | None:
    """Write the rows' terms and their mean."""
    if not s.batch:
        return None
    chain = s.chain
    each = chain.share * chain.terms
    kept = np.arange(chain.n_rows)
    if chain.n_rows > MAX_ROWS:
        kept = np.sort(np.argsort(-np.abs(each), kind="stable")[:MAX_ROWS])
    found = []
    for r in map(int, kept):
        pair = (plain(float(chain.share[r])), plain(float(chain.terms[r])))
        found.append(d.Row.of(f"row {r}", d.Numbers(Product(pair)), d.number(float(each[r]))))
    shown = [float(x) for x in each[kept]]
    if len(kept) < chain.n_rows:
        shown.append(math.fsum(np.delete(each, kept)))
        found.append(d.Row.of(f"{chain.n_rows - len(kept):,} other rows", d.number(shown[-1])))
    found.append(d.Row.of("sum", d.number(math.fsum(each)), made_of=d.sum_of(shown)))
    title = "Every row" if len(kept) == chain.n_rows else f"The {MAX_ROWS} largest rows"
    by_row = Partial(s.J, s.J_row) * Partial(s.J_row, s.weight)
    intro = (by_row, " of each row; rows count from 0.")
    return d.Section.of("rows", title, d.Paragraph.of(intro), found)


def l2(s: StorySymbols) -> d.Section | None:
    """Write the terms of the L2 and the L1 penalty."""
    chain, words = s.chain, {key: penalty.words for key, penalty in s.penalties.items()}
    if not words:
        return None
    title = f"The {' and the '.join(words.values())}"
    if s.address.source is None:
        what = " and no ".join(words.values())
        return d.Section.of("l2", title, d.Paragraph.of(f"Biases have no {what}."))
    weight, found = Quantity(s.weight, chain.weight), list[d.Row]()
    for key, term in chain.penalty_terms.items():
        found.append(d.equal_to(words[key], s.penalty_slope(key, weight), term))
    terms = [math.fsum(chain.share * chain.terms), *chain.penalty_terms.values()]
    numbers = d.Numbers(total([plain(term) for term in terms]))
    found.append(d.Row.of(s.dJ(s.weight), numbers, d.number(chain.value)))
    return d.Section.of("l2", title, found)


# --- what comes of it ----------------------------------------------------------------------------


def verified(s: StorySymbols) -> d.Section:
    """Write the derivative in three ways, side by side, with how far they may lie apart."""
    rows = []
    check = s.chain.verification
    for what, value, tolerance, note in check.rows():
        if value is None:
            rows.append(d.Row.of(what, "-", note))
            continue
        exact = d.Numbers(plain(value), 17)
        off = ""
        if value is not check.chain:
            off = f"off by {abs(value - check.chain):.1e}, allowed {tolerance:.1e}"
        rows.append(d.Row.of(what, exact, off, remark=note or ()))
    return d.Section.of("verified", "Verified", d.Equations(rows, "facts"))
