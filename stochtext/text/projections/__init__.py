"""Embeddings to a few coordinates. Each projection is a file; all are fitted on training states."""
