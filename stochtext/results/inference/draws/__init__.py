"""Processes drawn from the law of an estimate."""
