"""What a forecast needs: where it starts, the law of one step, samples of many."""
