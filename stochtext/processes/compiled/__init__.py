"""Drift and diffusion as machine code for the simulation kernels."""
