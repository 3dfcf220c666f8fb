"""Log formats, one module each."""
