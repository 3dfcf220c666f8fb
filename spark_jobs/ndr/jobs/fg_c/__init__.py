"""FG-A rows, pair counts and baselines into scores."""
