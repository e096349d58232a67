"""Densities given by a formula in the coefficients of a process."""
