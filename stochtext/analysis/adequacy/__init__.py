"""Whether there is anything to fit: the page to read before all others."""
