"""Other libraries beside chainfit: what `python benchmarks/peers.py` runs."""
