"""Processes whose coefficients are averages of small networks."""
