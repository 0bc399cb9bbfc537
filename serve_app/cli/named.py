"""What people write for a version of a model: `ID` or `ID@VERSION`."""

import typer

from configs.versions import parse_version


def parsed(said: str) -> tuple[str, int | None]:
    """Id and version; None: none is said.

    Raises:
        typer.BadParameter: what stands behind the sign is no version.
    """
    try:
        return parse_version(said)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def version_of(said: str) -> tuple[str, int]:
    """Id and version, which must be said.

    Raises:
        typer.BadParameter: none is.
    """
    name, version = parsed(said)
    if version is None:
        raise typer.BadParameter(f"{said}: say which version, as {said}@2")
    return name, version
