"""Stored LiteRT variants → folders of files that a device class can take."""
