"""Measurements of Headwater beside its baselines; nothing depends on them."""
