"""Patches of MiniStack: where it differs from AWS, and what each does about it."""
