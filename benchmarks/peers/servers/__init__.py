"""What runs inside the peers' environments: one file a peer, none imports the others.

Only the standard library, `model.py` and that peer's libraries may be imported here.
"""
