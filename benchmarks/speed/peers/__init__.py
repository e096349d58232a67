"""The same work in other packages, written as their documentation recommends.

A file a package; each function returns a run, and the run returns all states.
"""
