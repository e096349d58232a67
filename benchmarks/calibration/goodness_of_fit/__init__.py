"""Size and power of every goodness-of-fit test, measured; see ``__main__``."""
