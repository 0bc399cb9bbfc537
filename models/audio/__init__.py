"""Recordings as pictures that models see, the same to the last bit on every device."""
