"""The demo: the whole system on this machine, from generated or given traffic to baselines and the anomaly ranking."""
