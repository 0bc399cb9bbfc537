"""The front door: protocols, gate, wiring and the command line."""
