"""Autoscaling where it meets Ray Serve: what Ray tells the policy, and what it gets back."""
