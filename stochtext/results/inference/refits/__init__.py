"""Fits to simulated or resampled panels."""
