"""Torch modules of the user's own."""
