"""The transition density by simulation."""
