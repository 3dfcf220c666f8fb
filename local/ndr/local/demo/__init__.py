"""The demo: everything on this machine, from generated or given traffic to baselines and what stands out of them."""
