"""The Processing steps: container environment, retry policies, and the entry script that each step runs."""
