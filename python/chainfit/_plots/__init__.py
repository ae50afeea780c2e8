"""Pictures of fitted nets, in scikit-learn's Display convention: one file for each.

A Display holds the numbers, which `from_estimator` reads off a model, and `plot` draws them.
"""
