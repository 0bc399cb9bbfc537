"""The autoscaler beside a running cluster: counts in, decisions and their history out. No Ray."""
