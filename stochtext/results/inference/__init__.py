"""Uncertainty: covariances, tests, intervals of curves."""
