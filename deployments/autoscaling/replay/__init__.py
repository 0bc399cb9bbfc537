"""Policies on recorded arrivals: a simulator, baselines, and the best that was possible."""
