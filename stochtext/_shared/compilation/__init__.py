"""Machine code that lasts: generated modules, compiled once and kept on disk.

Law of the room: it knows numba and no noun of the package. What is on disk may cost time, never
an answer.
"""
