"""What of the wanted settings a running cluster does not have. Pure."""

from collections.abc import Mapping


def changes(now: Mapping[str, object], wanted: Mapping[str, object]) -> tuple[str, ...]:
    """One phrase for each setting that both know and that differs."""
    return tuple(
        f"{key} is {now[key]}, not {wanted[key]}"
        for key in wanted
        if key in now and now[key] != wanted[key]
    )
