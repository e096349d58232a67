"""Processes whose coefficients are kernel averages over transitions, and their regressions."""
