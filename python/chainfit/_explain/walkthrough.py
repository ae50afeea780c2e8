"""Two small nets of the tutorials as worked examples, with weights that a reader can follow.

Both nets and their rows are written here and nowhere else. To add one: its entry in `EXAMPLES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from . import document as d
from .explain import Chain, explain
from .formula import Name
from .net import Net
from .notation import Legend, Notation, NotationName, get_notation
from .step import Trace
from .story_chain import chain_story
from .story_step import step_story
from .writer import Writer
from .written import Written

#: What is shown of the chain of a weight.
CHAIN = ("chain", "factors", "paths", "update")


@dataclass(frozen=True, eq=False, repr=False)
class Example(Written):
    """Worked example: a training step of a small net, and the chains of some weights.

    Attributes
    ----------
    name : str
        Its name, such as '3-3-1'.
    introduction : tuple
        What the example is, and how its source names things.
    trace : Trace
        The step.
    chains : tuple of Chain
        The chains.
    """

    name: str
    introduction: tuple[Legend, ...]
    trace: Trace
    chains: tuple[Chain, ...]

    def _documents(self, writer: Writer) -> list[d.Document]:
        introduction = d.Paragraph.of(*self.introduction)
        section = d.Section.of("introduction", f"Worked example: a {self.name} net", introduction)
        step = step_story(self.trace, self.trace.notation, writer)
        documents = [step.after(section)]
        for chain in self.chains:
            title = ("The chain of ", chain.address.name(chain.notation))
            story = chain_story(chain, hide_numbers=writer.hide_numbers)
            documents.append(story.only(CHAIN)._replace(title=title))
        return documents

    def __repr__(self) -> str:
        return f"<Example {self.name}: {self.trace.net!r}>"


class Walkthrough(Written, tuple[Example, ...]):
    """Tuple of worked examples, which ``print`` writes and notebooks display."""

    __slots__ = ()

    def _documents(self, writer: Writer) -> list[d.Document]:
        return [document for example in self for document in example._documents(writer)]


def walkthrough(
    name: Literal["4-3-2-1", "3-3-1"] | None = None, *, notation: NotationName = "tutorial"
) -> Walkthrough:
    """Work through one training step of small nets, with every number.

    Parameters
    ----------
    name : {'4-3-2-1', '3-3-1'}, default=None
        The example: a net with two hidden layers of relu units, or with one of logistic units. None
        means both.
    notation : {'tutorial', 'outputs', 'matrix', 'sklearn'}, default='tutorial'
        Names of the symbols, as in `explain`.

    Returns
    -------
    walkthrough : Walkthrough
        A tuple of examples; ``print(chainfit.walkthrough())`` shows them, and
        ``chainfit.walkthrough()[0].trace`` has the numbers of the first.

    Raises
    ------
    ValueError
        If there is no such example or notation.

    See Also
    --------
    trace : The same for any net.
    explain : The chain of derivatives of one weight.

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
    names = get_notation(notation)
    return Walkthrough(_example(key, names) for key in ([name] if name else EXAMPLES))


def _example(name: str, notation: Notation) -> Example:
    net, x, (first, *others), text = EXAMPLES[name]
    chain = explain(net, x, 1.0, first, notation=notation.key)
    chains = (chain, *(chain.of(weight) for weight in others))
    introduction = tuple(_words(line, notation) for line in text.splitlines())
    return Example(name, introduction, chain.trace, chains)


def _words(text: str, notation: Notation) -> Legend:
    """Return a text with the notation's names in the place of `weight 0 1 0` and the like."""
    words: list[str | Name] = []
    for n, piece in enumerate(text.split("`")):
        kind, *indices = piece.split() if n % 2 else ("",)
        name: Any = getattr(notation, kind, piece)
        words.append(name(*map(int, indices)) if indices else name)
    return tuple(words)


#: Net, row (its target is 1), weights whose chains are shown, and an introduction.
EXAMPLES: dict[str, tuple[Net, list[float], list[tuple[int, int, int]], str]] = {
    # all numbers are short decimals; node 3 of the first hidden layer is off
    "4-3-2-1": (
        Net(
            coefs=[
                [[0.2, 0.4, -0.5], [0.3, -0.2, 0.1], [-0.4, 0.1, 0.6], [0.2, 0.6, 0.2]],
                [[0.5, -0.2], [-0.4, 0.6], [0.3, 0.1]],
                [[0.5], [-0.5]],
            ],
            intercepts=[[0.1, 0.2, 0.1], [0.1, 0.2], [0.3]],
            activation="relu",
        ),
        [1.0, 2.0, -1.0, 0.5],
        [(2, 0, 0), (1, 1, 0), (0, 1, 0)],
        "Four features, hidden layers of three and two neurons with relu, one output, plain "
        "gradient descent.\n"
        'The tutorial "Deep learning chain rule of artificial neural network" (CodersAim) has this '
        "net without numbers, and repeats a node's number for each layer: its W2(1) is "
        "`weight 0 1 0`, from input 2 to neuron 1; its W22(1) is `weight 1 1 0`, its W222(1) is "
        "`weight 2 1 0`; its sums y1, y2, y3 are `z 1 0`, `z 1 1`, `z 1 2`, its outputs O22 and "
        "O222 are `a 1 1` and `a 2 1`, O1111 (further on also O31) is `a 3 0`, and its L is "
        "`loss`.",
    ),
    "3-3-1": (
        Net(
            coefs=[
                [[0.1, -0.3, 0.5], [0.2, 0.1, -0.4], [-0.4, 0.4, 0.2]],
                [[0.7], [-0.5], [0.3]],
            ],
            intercepts=[[0.1, 0.2, -0.3], [0.1]],
            activation="logistic",
            out_activation="logistic",
            loss="squared_error",
            learning_rate_init=0.5,
        ),
        [1.0, 2.0, 0.5],
        [(1, 1, 0), (0, 1, 0)],
        "Three inputs, three hidden nodes, one output, all logistic (sigmoid), plain gradient "
        "descent.\n"
        'The question "Chain function in backpropagation" (Data Science Stack Exchange) asks how '
        "the derivative of this net's loss by `weight 1 1 0` comes to be a product of three "
        "factors: through `a 2 0` and `z 2 0`.\n"
        "An answer there takes J = y^2 - h^2 for the squared error, with the derivative 2h. That "
        "would not lead h to y: with 1/2 (h - y)^2 the first factor is h - y, as below.",
    ),
}
