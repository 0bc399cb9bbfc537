"""The rooms: how a request is computed on the cluster."""
