"""The one parser of addresses, of times, of numbers and of words that all sources share.

A parser takes one Arrow array of any plausible type and returns `Converted`.
"""
