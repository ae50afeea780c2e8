"""Formulas with their numbers, the notations they are written in, the addresses of weights."""
