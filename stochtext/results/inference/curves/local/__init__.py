"""Errors of local estimates: kernels and bins."""
