"""Uncertainty of curves: standard errors, bands, or the reason for their absence."""
