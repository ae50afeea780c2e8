"""Accuracy on real tables beside other methods: what `python benchmarks/accuracy.py` runs."""
