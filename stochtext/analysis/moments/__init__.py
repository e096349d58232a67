"""Moments over the document: data against simulations, and where the variance lies."""
