"""PyTorch as a contestant of the benchmark: eager, and through `torch.compile`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy.typing as npt

from chainfit._bench.workloads import Workload, encode, initial_parameters, make_data

from .job import CallsByName, Job, NotInstalledError, Training
from .plain import trained_net

Array = npt.NDArray[Any]


def _torch(job: Job) -> Any:
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise NotInstalledError(str(error)) from None
    torch.set_num_threads(job.threads)
    if torch.get_num_interop_threads() != 1:  # may be set once only
        torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
    return torch


def _net(torch: Any, W: list[Array], b: list[Array], activation: str) -> Any:
    """Return the layers up to z[L], with weights (n_out, n_in) as PyTorch has them."""
    layers: list[Any] = []
    for W_l, b_l in zip(W, b, strict=True):
        linear = torch.nn.Linear(*W_l.shape)
        linear.weight.data = torch.from_numpy(W_l.T.copy())
        linear.bias.data = torch.from_numpy(b_l.copy())
        layers += [linear, {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]()]
    return torch.nn.Sequential(*layers[:-1])


def _loss(torch: Any, workload: Workload) -> Callable[[Any, Any], Any]:
    """(z[L], target) -> J, fused where PyTorch has it so."""
    functional = torch.nn.functional
    if workload.classes == 1:
        return lambda z, Y: 0.5 * functional.mse_loss(z, Y, reduction="sum") / len(Y)
    if workload.classes == 2:
        return lambda z, Y: functional.binary_cross_entropy_with_logits(z, Y)
    return lambda z, y: functional.cross_entropy(z, y)


def _epochs(
    torch: Any,
    workload: Workload,
    X: Any,
    Y: Any,
    epochs: int,
    shuffle: bool,
    gather: str = "an epoch",
) -> Iterator[Iterable[tuple[Any, Any]]]:
    """Yield each epoch's batches."""
    order = torch.arange(len(X))
    for _ in range(epochs):
        if workload.is_full_batch:
            yield [(X, Y)]
            continue
        if shuffle:
            order = torch.randperm(len(X))
        if gather == "an epoch":
            parts = (each[order].split(workload.batch_size) for each in (X, Y))
            yield zip(*parts, strict=True)
        else:
            yield ((X[rows], Y[rows]) for rows in order.split(workload.batch_size))


class _Training:
    """Autograd and an optimizer of torch.optim.

    Parameters
    ----------
    optimizer : {"foreach", "fused"}
        Which of PyTorch's implementations of the update.
    gather : {"an epoch", "a batch"}
        Whether the rows are shuffled into a new array each epoch, or picked batch by batch.
    compiled : bool
        Compile the forward pass with its loss (and so the backward pass), and the update.
    """

    def __init__(self, torch: Any, job: Job, optimizer: str, gather: str, compiled: bool) -> None:
        self.torch, self.workload = torch, job.workload
        self.optimizer, self.gather, self.compiled = optimizer, gather, compiled
        X, y = make_data(self.workload)
        self.X = torch.from_numpy(X)
        labels = self.workload.classes > 2
        self.Y = torch.from_numpy(y if labels else encode(self.workload, y))
        W, b = self.initial = initial_parameters(self.workload)
        self.net = _net(torch, W, b, self.workload.activation)
        loss = _loss(torch, self.workload)
        objective = lambda X, Y: loss(self.net(X), Y)  # noqa: E731 - named for the compiler
        self.objective = torch.compile(objective, dynamic=False) if compiled else objective

    def _start(self) -> tuple[Any, Callable[[], object]]:
        """Set the initial weights; return a new optimizer and its step."""
        torch = self.torch
        with torch.no_grad():
            linears = [layer for layer in self.net if hasattr(layer, "weight")]
            for linear, W, b in zip(linears, *self.initial, strict=True):
                linear.weight.copy_(torch.from_numpy(W.T))
                linear.bias.copy_(torch.from_numpy(b))
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[self.workload.solver]
        optimizer = kind(self.net.parameters(), lr=self.workload.eta, **{self.optimizer: True})
        return optimizer, optimizer.step

    def train(self, epochs: int, shuffle: bool) -> None:
        optimizer, step = self._start()
        objective, zero_grad = self.objective, optimizer.zero_grad
        for batches in _epochs(
            self.torch, self.workload, self.X, self.Y, epochs, shuffle, self.gather
        ):
            for X_batch, Y_batch in batches:
                zero_grad()
                objective(X_batch, Y_batch).backward()
                step()

    def parameters(self) -> tuple[list[Array], list[Array]]:
        linears = [layer for layer in self.net if hasattr(layer, "weight")]
        W = [linear.weight.detach().numpy().T for linear in linears]
        return W, [linear.bias.detach().numpy() for linear in linears]


class _WholeStep:
    """The whole step, update included, as one compiled function."""

    def __init__(self, torch: Any, job: Job) -> None:
        self.torch, self.workload = torch, job.workload
        X, y = make_data(self.workload)
        self.X = torch.from_numpy(X)
        self.Y = torch.from_numpy(y if self.workload.classes > 2 else encode(self.workload, y))
        self.initial = initial_parameters(self.workload)
        self.step = torch.compile(self._step, dynamic=False)

    def _step(self, p: list[Any], m: list[Any], v: list[Any], c: Any, X: Any, Y: Any) -> None:
        """One update in place; `c` (2,) holds Adam's bias corrections."""
        torch = self.torch
        f = {"relu": torch.relu, "tanh": torch.tanh}[self.workload.activation]
        loss = _loss(torch, self.workload)

        def objective(p: list[Any]) -> Any:
            a = X
            for l in range(0, len(p) - 2, 2):  # noqa: E741 - l is the layer
                a = f(torch.addmm(p[l + 1], a, p[l]))
            return loss(torch.addmm(p[-1], a, p[-2]), Y)

        gradient = torch.func.grad(objective)(p)
        eta = self.workload.eta
        for i, g in enumerate(gradient):
            if self.workload.solver == "sgd":
                p[i].sub_(eta * g)
            else:
                m[i].mul_(0.9).add_(0.1 * g)
                v[i].mul_(0.999).add_(0.001 * g * g)
                p[i].sub_(eta * (m[i] / c[0]) / ((v[i] / c[1]).sqrt() + 1e-8))

    def train(self, epochs: int, shuffle: bool) -> None:
        torch, t = self.torch, 0
        pairs = zip(*self.initial, strict=True)
        p = [torch.from_numpy(array.copy()) for pair in pairs for array in pair]
        m, v = ([torch.zeros_like(each) for each in p] for _ in range(2))
        c = torch.zeros(2)
        c_numpy = c.numpy()
        with torch.no_grad():
            for batches in _epochs(torch, self.workload, self.X, self.Y, epochs, shuffle):
                for X_batch, Y_batch in batches:
                    t += 1
                    c_numpy[0], c_numpy[1] = 1 - 0.9**t, 1 - 0.999**t
                    self.step(p, m, v, c, X_batch, Y_batch)
        self.trained = p

    def parameters(self) -> tuple[list[Array], list[Array]]:
        arrays = [each.numpy() for each in self.trained]
        return arrays[::2], arrays[1::2]


def training(job: Job) -> dict[str, Training]:
    """Ways to train the job's workload."""
    torch = _torch(job)
    if job.peer == "compile":
        return {
            "compiled loss, fused update": _Training(torch, job, "fused", "an epoch", True),
            "one compiled step": _WholeStep(torch, job),
        }
    gathers = ("an epoch",) if job.workload.is_full_batch else ("an epoch", "a batch")
    return {
        f"{optimizer}, gathers {gather}": _Training(torch, job, optimizer, gather, False)
        for optimizer in ("foreach", "fused")
        for gather in gathers
    }


def calls(job: Job) -> CallsByName:
    """Ways to make the job's call."""
    call = job.call
    assert call is not None
    torch = _torch(job)
    X, W, b = trained_net(job)
    net = _net(torch, W, b, "relu")
    if call.link == "softmax":
        net.append(torch.nn.Softmax(dim=1))
    net.requires_grad_(False)
    if job.peer == "compile":
        net = torch.compile(net, dynamic=False)

    def predict() -> Array:
        with torch.inference_mode():
            output: Array = net(torch.from_numpy(X)).numpy()
        return output

    return {"inference_mode": predict}
