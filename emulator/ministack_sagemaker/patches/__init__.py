"""Patches of MiniStack, one file each: what it lacks or does otherwise than AWS, and what the patch changes.

`private_names` lists the private names that the patches depend on, and the release that has them.
"""
