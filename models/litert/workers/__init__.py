"""What runs in environments of tools; imports only the standard library and what is there."""
