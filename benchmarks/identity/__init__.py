"""A network in which addresses change their machine every day, and the false alarms that follow."""
