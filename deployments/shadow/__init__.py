"""Variants that answer beside a pipeline, for nobody, and how far they drift from it."""
