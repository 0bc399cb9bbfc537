"""`headwater edge`: files for devices, and files of others held against device classes."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from configs.catalogue import packaged_catalogue
from configs.device import DeviceSpec, load_devices
from configs.environment import load_environment
from models.progress import silent
from serve_app.cli.console import bars, console, errors, say

if TYPE_CHECKING:  # whoever only wants `--help` does not wait for ONNX Runtime
    from edge.importing.inspector import Inspected

app = typer.Typer(no_args_is_help=True, help="Make and check files for devices.")

UNUSABLE = 2
"""What a shell gets for a file that is not usable."""

CONVERTED = (".h5", ".pt2")
"""What takes a while to look into: tools make other files of it first."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .tflite, .onnx, .h5 or .pt2 file.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was found as JSON.")
    ] = False,
    golden: Annotated[
        Path | None,
        typer.Option(help="Write drawn inputs and the answers to them here (.npz)."),
    ] = None,
    convert: Annotated[
        bool,
        typer.Option(
            "--convert",
            help="Install what converts a .pt2 where it is missing (4.3 GB); without it "
            "only what is installed is tried.",
        ),
    ] = False,
) -> None:
    """Look into a model's file, run it, and hold it against every device class.

    Exit code 0: it is usable; 2: it is not, and the one reason is said.
    """
    from edge.importing.converting import keras_converter
    from edge.importing.inspector import Converters, inspect
    from edge.importing.trying import program_converter
    from edge.importing.workplace import Workplace

    envs = load_environment().home / "envs"
    is_quick = file.suffix not in CONVERTED
    with nullcontext(silent) if as_json or is_quick else bars() as progress:
        programs = program_converter(Workplace(envs, convert, progress))
        converters = Converters(keras_converter(envs, progress), programs)
        found = inspect(file, _devices(), golden, converters=converters)
    if as_json:
        console.print_json(json.dumps(found.as_json()))
    elif found.is_usable:
        _show(found)
    if not found.is_usable:
        reason = f"{found.reason['code']}: {found.reason['detail']}"
        errors.print(f"[bold red]not usable:[/] {escape(f'{found.file}: {reason}')}")
        raise typer.Exit(UNUSABLE)


@app.command()
def export(
    recipes: Annotated[list[str], typer.Argument(help="Recipes of one model.")],
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="A device class; none: those of the recipes."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the files; none: HOME/edge/MODEL.")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Judge on this folder of photos with labels.csv instead."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make all of it again.")
    ] = False,
) -> None:
    """Run recipes and write, for each device class, the best variant they gave.

    What is already made is not made again, so the same command goes on after Ctrl-C.
    Exit code 0: every class has its files; 1: a recipe failed, or no variant is for a
    class; 2: the command was not understood.
    """
    from serve_app.cli.exporting import Order, carry_out

    carry_out(
        Order(tuple(recipes), tuple(classes or ()), out, tuple(data or ()), force)
    )


@app.command()
def devices() -> None:
    """List the device classes of the catalogue."""
    table = Table("class", "what", "runtime", "takes", box=None)
    for device in _devices().values():
        takes = "/".join(device.inputs)
        runtimes = ", ".join(device.runtimes)
        table.add_row(device.id, escape(device.title), runtimes, takes)
    console.print(table)


def _devices() -> dict[str, DeviceSpec]:
    root = load_environment().catalogue or packaged_catalogue()
    return dict(load_devices(root) or load_devices(packaged_catalogue()))


def _show(found: "Inspected") -> None:
    facts = found.facts
    counted = sum(one["count"] for one in facts["operators"])
    say(f"usable  {found.file} ({facts['format']}, {found.size_bytes / 1e6:.2f} MB)")
    say(f"{counted} operators of {len(facts['operators'])} kinds")
    for which in ("inputs", "outputs"):
        for end in facts[which]:
            say(f"{which[:-1]}: {end['name']} {end['datatype']} {end['shape']}")
    if not facts["classes"]:
        return
    table = Table("class", "operators", "estimate", "what is in the way", box=None)
    for name, one in facts["classes"].items():
        reasons = "\n".join(one["reasons"]) or "nothing"
        share, known = f"{one['mapped']}/{one['total']}", one["estimate_ms"]
        took = "unknown" if known is None else f"{known:.1f} ms"
        table.add_row(name, share, took, escape(reasons))
    console.print(table)
