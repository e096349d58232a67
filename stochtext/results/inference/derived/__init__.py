"""Quantities that follow from a fitted process, each with an interval from draws of the process.

Law of the room: a quantity is a function of a process alone; what is drawn, and why there may
be nothing to draw from, is decided in one place and said with every number.
"""
