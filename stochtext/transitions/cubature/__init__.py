"""The Gaussian with the moments of the diffusion itself."""
