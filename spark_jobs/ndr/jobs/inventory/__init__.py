"""The machine inventory: unloaded from Redshift once a month, read by the baselines."""
