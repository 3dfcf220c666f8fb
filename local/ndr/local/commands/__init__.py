"""The commands of ``ndr``, one file each."""
