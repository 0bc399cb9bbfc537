"""Runtimes that execute a variant; each file knows one and none of the others."""
