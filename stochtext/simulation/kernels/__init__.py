"""The loops of a simulation in machine code.

Law of the room: these files are joined with one scheme to one module and compiled as a whole, so
all their functions stand side by side in one namespace. They draw nothing: noise has an address.
"""
