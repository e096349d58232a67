"""Speed of the simulation, as ratios to other packages and to the machine's own limits."""
