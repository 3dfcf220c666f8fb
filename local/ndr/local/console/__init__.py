"""What the command line prints: progress lines with elapsed time, timelines, tables."""
