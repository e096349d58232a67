"""Properties of the process: stationarity, ergodicity, memory, mixing, stability of paths."""
