"""Densities of one step of an Itô-Taylor scheme, and of one Euler step with jumps."""
