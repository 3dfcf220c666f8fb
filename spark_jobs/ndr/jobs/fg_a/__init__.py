"""FG-A: window features of every host and role, from the deltas of its slices."""
