"""onnx, which makes the files, and what to say where it is not installed."""

from __future__ import annotations

from .._common.extras import missing

try:
    import onnx
    from onnx import checker, helper, numpy_helper, shape_inference
except ImportError:
    raise missing("ONNX needs", "onnx", "onnx") from None

__all__ = ["checker", "helper", "numpy_helper", "onnx", "shape_inference"]
