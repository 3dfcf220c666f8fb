"""FG-B: robust baselines of hosts, segments and pairs over 7 and 30 days."""
