"""User functions as expressions: run once on symbols, differentiated, written out as loops."""
