"""What runs in a tool's process: files are made and asked here."""

from collections.abc import Callable
from typing import Any

Run = Callable[[Any], Any]
"""The answer [1, n] of a file to one row [1, …]."""
