"""What an operator must mend in a file before anything can start."""

from pathlib import Path


class ConfigError(Exception):
    """A configuration file does not say what it must; edit it and start again."""

    def __init__(self, file: Path, key: str, reason: str) -> None:
        super().__init__(file, key, reason)
        self.file, self.key, self.reason = file, key, reason

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else f"{self.file}"
        return f"{place}: {self.reason}"
