"""MLPClassifier and MLPRegressor: parameters, checks, training, prediction."""
