"""The deployed template in an account on this machine: put there, found again, spoken to."""
