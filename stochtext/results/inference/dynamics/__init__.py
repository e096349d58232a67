"""What follows from fitted dynamics: mean reversion, eigenvalues, time constants."""
