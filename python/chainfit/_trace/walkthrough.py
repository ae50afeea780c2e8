"""Two small nets of the tutorials as worked examples, with weights that a reader can follow.

Both nets and their rows are written here and nowhere else. The numbers are those of `trace`.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._formulas.formula import Product, total
from .._net.net import Net
from .render import WRITER, Block, Equation, Section, Table, quantity, to_html, to_text
from .story import story
from .trace import Trace, trace
from .words import h_, w_, z_


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """One worked example.

    Attributes
    ----------
    name : str
        Its sizes, '3-3-1' for instance.
    introduction : str
        What it is, and how the text that it comes from names things.
    trace : Trace
        The whole step; ``trace.net`` is the net, ``trace.X`` and ``trace.Y`` the row.
    weights : tuple of (layer, i, j)
        Those whose chains are shown, of ``coefs[layer][i, j]``.
    """

    name: str
    introduction: str
    trace: Trace
    weights: tuple[tuple[int, int, int], ...]

    def sections(self) -> list[Section]:
        """Return introduction, step and chains."""
        title = f"Worked example: a {self.name} net"
        chains = [_chain(self.trace, *weight) for weight in self.weights]
        return [Section(title, [self.introduction]), *story(self.trace), *chains]

    def __str__(self) -> str:
        return to_text(self.sections())

    def __repr__(self) -> str:
        return f"<Example {self.name}: {self.trace.net!r}>"

    def _repr_html_(self) -> str:
        return to_html(self.sections())


class Walkthrough(tuple[Example, ...]):
    """Worked examples, one after the other: ``print`` it, or show it in a notebook."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n\n\n".join(map(str, self))

    def _repr_html_(self) -> str:
        return "\n<hr>\n".join(example._repr_html_() for example in self)


def walkthrough(name: str | None = None) -> Walkthrough:
    """Replay one training step of small nets, every number of it.

    Parameters
    ----------
    name : {'4-3-2-1', '3-3-1'}, default=None
        Which example: a net with relu in two hidden layers, or one with logistic units in one.
        None is both.

    Returns
    -------
    walkthrough : Walkthrough
        A tuple of examples; ``print(chainfit.walkthrough())`` shows them, and
        ``chainfit.walkthrough()[0].trace`` has the numbers of the first.

    Raises
    ------
    ValueError
        If there is no such example.

    Examples
    --------
    >>> import chainfit
    >>> example, = chainfit.walkthrough("4-3-2-1")
    >>> example.trace.a[3], example.trace.dW[0][1, 0].round(12)
    (array([[0.54]]), np.float64(-0.322))
    """
    if name is not None and name not in EXAMPLES:
        known = ", ".join(map(repr, EXAMPLES))
        raise ValueError(f"there is no worked example {name!r}, only {known}.")
    return Walkthrough(EXAMPLES[key]() for key in ([name] if name else EXAMPLES))


def four_three_two_one() -> Example:
    """Four inputs, relu in hidden layers of three and two, one output, squared error.

    All numbers are short decimals; node 3 of the first hidden layer is off.
    """
    net = Net(
        coefs=[
            [[0.2, 0.4, -0.5], [0.3, -0.2, 0.1], [-0.4, 0.1, 0.6], [0.2, 0.6, 0.2]],
            [[0.5, -0.2], [-0.4, 0.6], [0.3, 0.1]],
            [[0.5], [-0.5]],
        ],
        intercepts=[[0.1, 0.2, 0.1], [0.1, 0.2], [0.3]],
        activation="relu",
        out_activation="identity",
        loss="squared_error",
        learning_rate_init=0.1,
    )
    introduction = (
        "Four features, hidden layers of three and two neurons with relu, one output, plain "
        "gradient descent.\n"
        'The tutorial "Deep learning chain rule of artificial neural network" (CodersAim) has this '
        "net without numbers, and repeats a node's number for each layer: its W2(1) is w_12^(1), "
        "from input 2 to neuron 1; its W22(1) is w_12^(2), its W222(1) is w_12^(3); its sums y1, "
        "y2, y3 are z_1^(1), z_2^(1), z_3^(1), its outputs O22 and O222 are h_2^(2) and h_2^(3), "
        "O1111 (further on also O31) is h_1^(4), and its L is J."
    )
    weights = ((2, 0, 0), (1, 1, 0), (0, 1, 0))
    return Example("4-3-2-1", introduction, trace(net, [1.0, 2.0, -1.0, 0.5], 1.0), weights)


def three_three_one() -> Example:
    """Three inputs, three logistic hidden units, one logistic output, squared error."""
    net = Net(
        coefs=[
            [[0.1, -0.3, 0.5], [0.2, 0.1, -0.4], [-0.4, 0.4, 0.2]],
            [[0.7], [-0.5], [0.3]],
        ],
        intercepts=[[0.1, 0.2, -0.3], [0.1]],
        activation="logistic",
        out_activation="logistic",
        loss="squared_error",
        learning_rate_init=0.5,
    )
    introduction = (
        "Three inputs, three hidden nodes, one output, all logistic (sigmoid), plain gradient "
        "descent.\n"
        'The question "Chain function in backpropagation" (Data Science Stack Exchange) asks how '
        "dJ/dw_12^(2) of this net comes to be dJ/dh_1^(3) dh_1^(3)/dz_1^(2) dz_1^(2)/dw_12^(2).\n"
        "An answer there takes J = y^2 - h^2 for the squared error, with the derivative 2h. That "
        "would not lead h to y: with 1/2 (h - y)^2 the first factor is h - y, as below."
    )
    return Example("3-3-1", introduction, trace(net, [1.0, 2.0, 0.5], 1.0), ((1, 1, 0), (0, 1, 0)))


EXAMPLES = {"4-3-2-1": four_three_two_one, "3-3-1": three_three_one}


# --- chains --------------------------------------------------------------------------------------


def _chain(step: Trace, l: int, i: int, j: int) -> Section:
    """Write the chain of coefs[l][i, j] for the one row: each path, their sum, the update."""
    net, weight = step.net, w_(i, j, l)
    derivative = f"dJ/d{weight}"
    blocks: list[Block] = []
    products = []
    paths = _paths(net.units, l + 1, j)
    for count, path in enumerate(paths, 1):
        rows, product = _factors(step, l, i, path)
        products.append(product)
        nodes = " <- ".join(h_(node, l + 1 + k) for k, node in reversed(list(enumerate(path))))
        which = f"Path {count} of {len(paths)}" if len(paths) > 1 else "The only path"
        blocks.append(f"{which}, from J back: {nodes}")
        shown = Product(tuple(quantity(float(row[-1])) for row in rows))
        sign = WRITER.relation(shown, product)
        blocks.append(Table(("factor", "is", "value"), [*rows, ("product", f"{sign}", product)]))
    gradient = float(step.dW[l][i, j])
    if len(paths) > 1:
        blocks.append(Equation(derivative, (), total([*map(quantity, products)]), gradient))
    assert step.update is not None  # sgd
    numbers = step.update.of(l, i, j)
    rule = quantity(numbers["old"]) - quantity(numbers["eta"]) * quantity(gradient)
    blocks.append(
        Equation(f"new {weight}", (f"old {weight} - eta {derivative}",), rule, numbers["new"])
    )
    return Section(f"The chain of {weight}", blocks)


def _paths(units: Sequence[int], l: int, node: int) -> list[tuple[int, ...]]:
    """Return the ways from a node of layer l to the outputs, as the nodes of layers l..L."""
    if l == len(units) - 1:
        return [(node,)]
    return [(node, *rest) for k in range(units[l + 1]) for rest in _paths(units, l + 1, k)]


def _factors(
    step: Trace, l: int, i: int, path: Sequence[int]
) -> tuple[list[tuple[str | float, ...]], float]:
    """Return the factors of one path, from J back to the weight, and their product."""
    net, L = step.net, len(step.net.coefs)
    rows: list[tuple[str | float, ...]] = []
    out = path[-1]
    rows.append((f"dJ/d{h_(out, L)}", f"{h_(out, L)} - y_{out + 1}", float(step.da[L][0, out])))
    for layer in range(L, l, -1):
        node = path[layer - l - 1]
        h, z = h_(node, layer), z_(node, layer)
        rows.append((f"d{h}/d{z}", f"f'({z})", float(step.df[layer][0, node])))
        if layer > l + 1:
            before = path[layer - l - 2]
            weight = w_(before, node, layer - 1)
            value = float(net.coefs[layer - 1][before, node])
            rows.append((f"d{z}/d{h_(before, layer - 1)}", weight, value))
    z = z_(path[0], l + 1)
    rows.append((f"d{z}/d{w_(i, path[0], l)}", h_(i, l), float(step.a[l][0, i])))
    product = 1.0
    for row in rows:
        product *= float(row[-1])
    return rows, product
