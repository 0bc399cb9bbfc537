"""What stands behind a file's card: whose answers it gives, where it differs, and why."""
