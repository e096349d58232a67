"""P-values of goodness-of-fit tests: what a fit would leave of data that its own model made."""
