"""What JobSpecs need of a stack's roles, and whether the roles allow it."""
