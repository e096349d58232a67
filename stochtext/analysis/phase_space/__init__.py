"""Phase space: where the text rests, turns, wanders and comes back."""
