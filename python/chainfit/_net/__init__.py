"""Net: one multilayer perceptron in float64, its batches, its updates, its history."""
