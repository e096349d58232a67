"""Likelihoods as machine code: one pass over the rows gives the value and its exact gradient."""
