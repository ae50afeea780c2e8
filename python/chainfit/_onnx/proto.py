"""onnx, which makes the files, and what to say where it is not installed."""

from __future__ import annotations

try:
    import onnx
    from onnx import checker, helper, numpy_helper, shape_inference
except ImportError:
    raise ImportError(
        "ONNX needs onnx, which is not installed: pip install 'chainfit[onnx]'"
    ) from None

__all__ = ["checker", "helper", "numpy_helper", "onnx", "shape_inference"]
