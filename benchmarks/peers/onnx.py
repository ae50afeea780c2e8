"""onnxruntime as a contestant of the benchmark: prediction only."""

from __future__ import annotations

import importlib
from typing import Any

from .job import CallsByName, Job, NotInstalledError
from .plain import trained_net


def calls(job: Job) -> CallsByName:
    """Ways to make the job's call."""
    call = job.call
    assert call is not None
    try:
        onnx: Any = importlib.import_module("onnx")
        runtime: Any = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise NotInstalledError(str(error)) from None
    X, W, b = trained_net(job)
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    nodes, arrays, name = [], [], "X"
    for l in range(len(W)):  # noqa: E741 - l is the layer
        arrays += [numpy_helper.from_array(W[l], f"W{l}"), numpy_helper.from_array(b[l], f"b{l}")]
        nodes.append(helper.make_node("Gemm", [name, f"W{l}", f"b{l}"], [f"z{l}"]))
        name = f"z{l}"
        link = {"softmax": "Softmax", "identity": "Identity"}[call.link]
        nodes.append(helper.make_node(link if l == len(W) - 1 else "Relu", [name], [f"a{l}"]))
        name = f"a{l}"
    kind = helper.np_dtype_to_tensor_dtype(X.dtype)
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("X", kind, ["rows", X.shape[1]])],
        [helper.make_tensor_value_info(name, kind, ["rows", W[-1].shape[1]])],
        arrays,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return {"session": lambda: session.run(None, {"X": X})[0]}
