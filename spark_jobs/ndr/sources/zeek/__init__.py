"""Zeek connection logs."""
