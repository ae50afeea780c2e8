"""Fitted models as ONNX graphs. The highest floor below the command line."""
