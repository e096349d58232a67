"""How one start is trained."""
