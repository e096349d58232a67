"""Densities of a step whose drift is made linear in it."""
