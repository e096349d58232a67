"""Sentences to vectors. Each embedder is a file; all of them meet one protocol."""
