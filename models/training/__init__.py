"""Networks of our own and how they are trained; torch is imported in here only."""
