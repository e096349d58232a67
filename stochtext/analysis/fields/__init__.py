"""Drift and diffusion as fields: bands, fixed points, time constants, rotation."""
