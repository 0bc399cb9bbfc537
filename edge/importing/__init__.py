"""Models of others: looked into, run and held against device classes before they count."""
