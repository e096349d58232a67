"""Uncertainty of parameters: covariances, intervals and tests of restrictions."""
