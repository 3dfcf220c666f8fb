"""What a month of the deployed pipelines costs: counts of what is billed, times a table of prices."""
