"""How many replicas a deployment should have: forecast, capacity, policy, replay. No Ray."""
