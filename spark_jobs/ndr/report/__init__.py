"""The report: one HTML page about findings, data and executions."""
