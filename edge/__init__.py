"""How a variant reaches a device and stays healthy there."""
