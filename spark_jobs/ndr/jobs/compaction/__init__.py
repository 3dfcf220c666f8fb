"""Compaction: finished days of deltas, FG-A and pair counts become one partition each; what that replaces is swept."""
