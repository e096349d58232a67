"""Nested fits to the same data: tests of the smaller ones."""
