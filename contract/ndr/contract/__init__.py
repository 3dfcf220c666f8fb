"""The words that every part shares: JobSpecs, datasets, time, requests, the ledger and errors."""
