"""A graph of ONNX operators under construction, and its tensors, which are added, multiplied, ...

Only operators whose form has not changed since `OPSET` are used, so that the same nodes are right
in a graph of a later opset. A further operator needs no line here: `Graph.apply` takes its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common.version import __version__
from .proto import checker, helper, numpy_helper, onnx

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

#: The oldest set in which Softmax, Split and ReduceSum have the form that they have today, of 2020;
#: the version of ai.onnx.ml and of the file format that belong to it.
OPSET, ML_OPSET, IR_VERSION = 13, 2, 7

#: The free dimension of inputs and outputs.
ROWS = "rows"

#: A protobuf has at most 2 GB, of which some are the nodes'.
MOST_BYTES = 2**31 - 2**20

#: A constant of at most so many elements is kept once.
_SMALL = 16

BOOL, INT64, FLOAT32, FLOAT64, TEXT = map(np.dtype, ("bool", "i8", "f4", "f8", "O"))


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value in a graph; numbers and arrays that meet it become constants of its dtype."""

    graph: Graph = field(repr=False)
    name: str
    dtype: np.dtype[Any]

    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to the tensor

    def apply(self, operator: str, *others: Any, **more: Any) -> Tensor:
        """Return what an operator makes of this tensor and others."""
        return self.graph.apply(operator, self, *map(self._tensor, others), **more)

    def test(self, operator: str, *others: Any) -> Tensor:
        """Return the booleans that an operator makes."""
        return self.apply(operator, *others, dtype=BOOL)

    def cast(self, dtype: np.dtype[Any]) -> Tensor:
        """Return the tensor with another dtype."""
        if dtype == self.dtype:
            return self
        return self.apply("Cast", dtype=dtype, to=element_type(dtype))

    def where(self, yes: Any, no: Any) -> Tensor:
        """Return `yes` where this is true, `no` elsewhere; one of them may be an array."""
        known = yes if isinstance(yes, Tensor) else no
        parts = (known._tensor(yes), known._tensor(no))
        return self.graph.apply("Where", self, *parts, dtype=known.dtype)

    def _tensor(self, value: Any) -> Tensor:
        if isinstance(value, Tensor):
            return value
        return self.graph.constant(np.asarray(value, dtype=self.dtype))

    def __neg__(self) -> Tensor:
        return self.apply("Neg")

    def __add__(self, other: Any) -> Tensor:
        return self.apply("Add", other)

    def __radd__(self, other: Any) -> Tensor:
        return self._tensor(other) + self

    def __sub__(self, other: Any) -> Tensor:
        return self.apply("Sub", other)

    def __rsub__(self, other: Any) -> Tensor:
        return self._tensor(other) - self

    def __mul__(self, other: Any) -> Tensor:
        return self.apply("Mul", other)

    def __rmul__(self, other: Any) -> Tensor:
        return self._tensor(other) * self

    def __truediv__(self, other: Any) -> Tensor:
        return self.apply("Div", other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._tensor(other) / self


@dataclass(frozen=True)
class Node:
    """An operator with its inputs and outputs by name."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """An input or an output: `shape` is what stands behind the rows."""

    name: str
    dtype: np.dtype[Any]
    shape: Shape
    words: str = ""

    def proto(self) -> Any:
        """Return it as ONNX declares it."""
        dims = [ROWS, *self.shape]
        return helper.make_tensor_value_info(self.name, element_type(self.dtype), dims, self.words)


class Graph:
    """Nodes in order, each made once: equal operators of equal inputs are one.

    Attributes
    ----------
    nodes : list of Node
    constants : dict of str to ndarray
    inputs, outputs : list of Value
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self._made: dict[Any, tuple[Tensor, ...]] = {}
        self._names: set[str] = set()
        self._counts: dict[str, int] = {}

    def input(self, name: str, dtype: np.dtype[Any], shape: Shape, words: str = "") -> Tensor:
        """Declare an input (rows, *shape); all of them come before the first node."""
        self._names.add(name)
        self.inputs.append(Value(name, dtype, shape, words))
        return Tensor(self, name, dtype)

    def output(self, name: str, tensor: Tensor, shape: Shape, words: str = "") -> None:
        """Declare an output (rows, *shape), of this name unless an input has it."""
        name = self._name(name) if name in self._names else name
        self._names.add(name)
        self.nodes.append(Node("Identity", (tensor.name,), (name,), "", {}))
        self.outputs.append(Value(name, tensor.dtype, shape, words))

    def constant(self, value: Array, name: str = "constant") -> Tensor:
        """Return an array as a tensor."""
        key = (value.dtype, value.shape, value.tobytes()) if value.size <= _SMALL else None
        if key is not None and value.dtype != TEXT and key in self._made:
            return self._made[key][0]
        tensor = Tensor(self, self._name(name), value.dtype)
        self.constants[tensor.name] = value
        if key is not None:
            self._made[key] = (tensor,)
        return tensor

    def apply(
        self,
        operator: str,
        *inputs: Tensor,
        dtype: np.dtype[Any] | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> Tensor:
        """Return what an operator makes of tensors; its dtype is that of the first, if not said."""
        return self.parts(operator, *inputs, dtype=dtype, domain=domain, **attributes)[0]

    def parts(
        self,
        operator: str,
        *inputs: Tensor,
        count: int = 1,
        dtype: np.dtype[Any] | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> tuple[Tensor, ...]:
        """Return the `count` tensors that an operator makes."""
        names = tuple(tensor.name for tensor in inputs)
        key = (operator, names, count, repr(sorted(attributes.items())))
        if key not in self._made:
            outputs = tuple(self._name(operator.lower()) for _ in range(count))
            self.nodes.append(Node(operator, names, outputs, domain, attributes))
            kind = inputs[0].dtype if dtype is None else dtype
            self._made[key] = tuple(Tensor(self, name, kind) for name in outputs)
        return self._made[key]

    def together(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return tensors (rows, n) side by side."""
        return self.apply("Concat", *tensors, axis=1) if len(tensors) > 1 else tensors[0]

    def split(self, tensor: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """Return the columns of a tensor in parts of these sizes."""
        if len(sizes) == 1:
            return (tensor,)
        lengths = self.constant(np.array(sizes, dtype=INT64))
        return self.parts("Split", tensor, lengths, count=len(sizes), axis=1)

    def columns(self, tensor: Tensor, places: Sequence[int]) -> Tensor:
        """Return these columns of a tensor (rows, n)."""
        return self.apply("Gather", tensor, self.constant(np.array(places, dtype=INT64)), axis=1)

    def _name(self, wanted: str) -> str:
        while True:
            self._counts[wanted] = self._counts.get(wanted, 0) + 1
            name = f"{wanted}_{self._counts[wanted]}"
            if name not in self._names:
                self._names.add(name)
                return name

    def model(self, name: str, words: str, facts: Mapping[str, str]) -> Any:
        """Return the graph as a checked model, with facts as its metadata.

        Raises
        ------
        ValueError
            If it is larger than a protobuf may be.
        """
        _check_size(self.constants.values())
        graph = helper.make_graph(
            [
                helper.make_node(
                    node.operator,
                    node.inputs,
                    node.outputs,
                    node.outputs[0],
                    domain=node.domain,
                    **node.attributes,
                )
                for node in self.nodes
            ],
            name,
            [value.proto() for value in self.inputs],
            [value.proto() for value in self.outputs],
            [initializer(name, value) for name, value in self.constants.items()],
        )
        sets = {"": OPSET, **{node.domain: ML_OPSET for node in self.nodes if node.domain}}
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(*item) for item in sets.items()],
            ir_version=IR_VERSION,
            producer_name="chainfit",
            producer_version=__version__,
            doc_string=words,
        )
        helper.set_model_props(model, dict(facts))
        checker.check_model(model, full_check=True)
        return model


def element_type(dtype: np.dtype[Any]) -> int:
    """Return the number by which ONNX knows a dtype."""
    kind: int = onnx.TensorProto.STRING
    return kind if dtype == TEXT else int(helper.np_dtype_to_tensor_dtype(dtype))


def initializer(name: str, value: Array) -> Any:
    """Return a constant as ONNX keeps it."""
    if value.dtype == TEXT:
        texts = [text.encode() for text in value.ravel()]
        return helper.make_tensor(name, onnx.TensorProto.STRING, value.shape, texts)
    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def _check_size(arrays: Any) -> None:
    size = sum(value.nbytes for value in arrays)
    if size > MOST_BYTES:
        raise ValueError(
            f"a file of ONNX holds at most 2 GB, but the weights have {size / 1e9:.1f} GB; "
            "dtype='float32' halves those of float64"
        )
