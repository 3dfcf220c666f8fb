"""Executions of the state machines and of their pipelines: found, explained, stopped, and the logs of their jobs."""
