"""The transition density of a one-dimensional diffusion by eigenfunctions of its generator.

Law of the room: a number that the expansion does not determine is NaN or refused, never shown.
"""
