"""The command line: `headwater`."""
