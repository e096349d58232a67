"""Linear SDEs that are seen through noise, with gaps, or around a mean of each trajectory's own."""
