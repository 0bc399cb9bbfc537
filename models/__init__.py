"""The workshop: how weights become verified variants in the store."""
