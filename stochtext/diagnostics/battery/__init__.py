"""Statistics whose null is "the fitted model is correct", many of them and cheaply.

Law of the room: a statistic is a number from one-step residuals; its law under the null comes
from elsewhere, because with estimated parameters hardly any has the law of its textbook.
"""
