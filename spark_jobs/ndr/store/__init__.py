"""Published data: storage, manifests, and which partition answers for which time."""
