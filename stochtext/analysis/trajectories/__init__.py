"""Predicted against actual trajectories, and for which texts prediction works."""
