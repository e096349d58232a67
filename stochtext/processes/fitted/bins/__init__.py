"""Processes interpolated between bins, and sums over bins of a grid."""
