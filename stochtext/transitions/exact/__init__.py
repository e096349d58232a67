"""Transition densities that are known, and paths whose ends are."""
