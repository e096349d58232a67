"""States observed with noise."""
