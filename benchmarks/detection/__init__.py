"""The detection benchmark: generated networks through the jobs, and how high attacks rank. See docs/detection.md."""
