"""Splitting a drift into a linear part, solved exactly, and the flow of what is left.

Law of the room: a row is solved to the accuracy that it asks for, and depends on no other row.
"""
