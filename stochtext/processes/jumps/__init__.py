"""Processes with jumps."""
