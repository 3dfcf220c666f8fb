"""Findings: the scores that a person or a SIEM should look at."""
