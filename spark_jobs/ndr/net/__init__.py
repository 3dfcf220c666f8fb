"""Addresses and networks."""
