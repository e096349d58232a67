"""Processes that the user writes as plain functions."""
