"""Uncertainty of an ensemble."""
