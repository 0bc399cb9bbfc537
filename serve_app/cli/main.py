"""The command `headwater`: which commands there are, and how their errors end.

Heavy imports (Ray, torch) happen inside the commands that need them.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from configs.environment import load_environment
from configs.errors import ConfigError
from deployments.autoscaling.errors import AutoscalingError
from models.errors import ModelError
from serve_app.cli import autoscale as autoscale_command
from serve_app.cli import demo as demo_command
from serve_app.cli import edge as edge_command
from serve_app.cli import lifecycle as lifecycle_command
from serve_app.cli import models as models_command
from serve_app.cli import optimize as optimize_command
from serve_app.cli.console import console, errors
from serve_app.cluster.errors import ClusterError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Serve many models on a Ray cluster, from one catalogue.",
)
app.add_typer(models_command.app, name="models")
app.add_typer(autoscale_command.app, name="autoscale")
app.add_typer(edge_command.app, name="edge")
app.command()(optimize_command.optimize)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The Serve file to deploy.")
]
SERVE_FILE = Path("serve_config.yaml")


@app.callback(invoke_without_command=True)
def root(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ] = False,
) -> None:
    """Serve many models on a Ray cluster, from one catalogue."""
    if show_version:
        console.print(f"headwater {version('headwater')}")
        raise typer.Exit


@app.command()
def up(
    config: ConfigOption = SERVE_FILE,
    demo: Annotated[
        bool, typer.Option(help="Label one photo when everything is healthy.")
    ] = True,
) -> None:
    """Build what is missing, start the local cluster, deploy, and wait until healthy."""
    lifecycle_command.up(load_environment(), config)
    if demo:
        demo_command.demo(load_environment(), None)
    lifecycle_command.show_next_steps(load_environment(), config)


@app.command()
def down() -> None:
    """End exactly what `headwater up` started."""
    lifecycle_command.down(load_environment())


@app.command()
def status() -> None:
    """Show the local cluster, its deployments and their replicas."""
    lifecycle_command.status(load_environment())


@app.command()
def demo(
    photo: Annotated[
        Path | None, typer.Argument(help="An image file; none: the packaged cat.")
    ] = None,
) -> None:
    """Label one photo over HTTP."""
    demo_command.demo(load_environment(), photo)


def main() -> None:
    """Run the command; an expected error is one text and exit code 1."""
    try:
        app()
    except (AutoscalingError, ClusterError, ConfigError, ModelError) as error:
        errors.print(f"[bold red]error:[/] {_plain(error)}")
        sys.exit(1)


def _plain(error: Exception) -> str:
    """The text of an error, its brackets not taken for markup."""
    return str(error).replace("[", r"\[")
