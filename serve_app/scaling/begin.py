"""Makes the shell of an application in the controller: real clocks, disk and metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.environment import load_environment
from configs.spec import Spec
from serve_app.scaling.shell import Shell


class PolicySettings(Spec):
    """`policy_kwargs` of the policy."""

    home: Path | None = None
    metrics: bool = True


def shell_of(application: str, settings: Mapping[str, Any]) -> Shell:
    """The shell with everything real.

    Raises:
        ValidationError: a setting is unknown.
        ConfigError: the environment must be mended.
    """
    chosen = PolicySettings.model_validate(dict(settings))
    home = chosen.home or load_environment().home
    if not chosen.metrics:
        return Shell(home)
    from serve_app.scaling.gauges import Gauges

    return Shell(home, Gauges(application))
