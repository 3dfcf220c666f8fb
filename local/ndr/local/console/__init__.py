"""Output of the command line: progress lines with elapsed time, timelines, tables."""
