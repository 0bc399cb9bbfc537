"""Models that are loaded before their requests come, where past requests tell when.

`expected` (pure) says what is expected, `early` (pure) what to load now, `task` does it.
"""
