"""Why a file of somebody else is not usable: one word and a sentence."""


class Refused(Exception):
    """A file is not usable; it is whoever made it that must act."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


def first_line(error: BaseException) -> str:
    """An error of a library in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def unwritable(file: str, error: OSError) -> Refused:
    """Why the answers cannot be put where they were wanted."""
    return Refused("unwritable", f"{file}: {error.strerror or error}")
