"""Registration of the pipelines in an account: create, update, compare, remove."""
