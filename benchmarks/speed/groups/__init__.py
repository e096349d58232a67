"""One file a group of rows; each is measured in a process of its own by ``measure(plan)``."""
