"""Whether a file would run on a device class, operator by operator, and what to change."""
