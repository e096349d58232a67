"""Which networks and which starts stay."""
