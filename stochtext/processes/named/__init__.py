"""Processes with a name in the literature, one file for each or for a close family.

Law of the room: a process states its formula, its conditions and its closed forms with their
sources; what no closed form gives is computed by quadrature or not offered at all.
"""
