"""What `ndr` needs of a machine, and what is there."""
