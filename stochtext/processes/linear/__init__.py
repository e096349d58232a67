"""Processes with a linear drift: exact transitions in any dimension."""
