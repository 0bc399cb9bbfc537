"""Candidates of one recipe, tried within a budget; the best for each device class."""
