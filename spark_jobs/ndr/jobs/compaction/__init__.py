"""Compaction: finished days of each dataset of slices become one partition each; what that replaces is swept."""
