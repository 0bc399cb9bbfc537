"""Which replica of a pool gets a request. Pure but for `router`, which Ray Serve calls.

Every caller decides alone and all decide alike: from who holds what, as replicas tell
twice a second, and from a hash that ranks replicas for each model.
"""
