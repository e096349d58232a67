"""What the local estimators share: continuation, folds, bandwidth, the way to results."""
