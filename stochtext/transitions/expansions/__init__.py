"""The closed-form expansion of a one-dimensional transition density in powers of the step.

Law of the room: all terms are integrals along the straight line between the two states; an
order of the expansion is a list of functions of one state and the weights of their integrals.
"""
