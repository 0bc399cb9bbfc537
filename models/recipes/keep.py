"""The last piece of a recipe that cleared its bar → the store, with its card."""

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from models import keys, machine
from models.card import Card, FileFact, RecipeFact, StepFact
from models.convert import check_tensors
from models.errors import BuildFailed, StoreCorrupt, VariantNotFound
from models.recipes.judged import Judged
from models.recipes.pieces import MAIN, Form, Piece
from models.recipes.plan import Plan
from models.store import digest
from models.workshop import Workshop

_JUDGE_TOOLS = ("onnxruntime", "numpy", "pillow")


def store(
    workshop: Workshop,
    plan: Plan,
    pieces: tuple[Piece, ...],
    judged: Judged,
    data: Mapping[str, str],
) -> Card:
    """Store the files, then the card that makes them servable; nothing if it is there.

    Raises:
        BuildFailed: its inputs or outputs are not those the model promises.
        StoreUnwritable: the disk is full or refuses.
    """
    spec = workshop.require(plan.recipe.model)
    found = workshop.ready(spec.id, plan.recipe.variant, plan.build_key)
    if found is not None:
        return found
    if judged.form == "onnx":
        check_tensors(spec, pieces[-1].onnx)
    main, others = _files(plan, pieces[-1], judged.form)
    card = _card(workshop, plan, judged, workshop.store.add_file(main)).model_copy(
        update={
            "files": {name: workshop.store.add_file(file) for name, file in others},
            "recipe": _recipe(plan, pieces, data),
        }
    )
    if spec.labels is not None:
        labels = workshop.store.add_file(workshop.catalogue.root / spec.labels)
        card = card.model_copy(update={"labels_file": labels})
    return workshop.publish(card)


def withdraw(workshop: Workshop, plan: Plan, piece: Piece) -> None:
    """Take back the card of a file that no longer clears the bar; its files stay."""
    found = _stored(workshop, plan)
    held = {digest(file) for file in piece.files()}
    if found is not None and found.model_file.sha256 in held:
        workshop.store.card_file(found).unlink(missing_ok=True)


def _stored(workshop: Workshop, plan: Plan) -> Card | None:
    spec = workshop.require(plan.recipe.model)
    try:
        return workshop.store.card(spec.id, spec.version, plan.recipe.variant)
    except (VariantNotFound, StoreCorrupt):
        return None


def _files(plan: Plan, piece: Piece, form: Form) -> tuple[Path, list[tuple[str, Path]]]:
    """The main file, and what it needs beside it by name."""
    if form == "onnx":
        return piece.onnx, []
    if form in MAIN:
        main = piece.folder / MAIN[form]
        return main, _but(piece, main)
    weights = [file for file in piece.files() if file.suffix == ".safetensors"]
    if not weights:
        raise BuildFailed(plan.recipe.id, "store", "the folder holds no safetensors")
    main = max(weights, key=lambda file: file.stat().st_size)
    return main, _but(piece, main)


def _but(piece: Piece, main: Path) -> list[tuple[str, Path]]:
    others = (file for file in piece.files() if file != main)
    return [(str(file.relative_to(piece.folder)), file) for file in others]


def _recipe(
    plan: Plan, pieces: tuple[Piece, ...], data: Mapping[str, str]
) -> RecipeFact:
    recipe = plan.recipe
    steps = zip(plan.steps, pieces, strict=True)
    return RecipeFact(
        id=recipe.id,
        sha256=keys.hash_of(recipe.model_dump(mode="json")),
        seed=recipe.seed,
        source_key=plan.source_key,
        steps=tuple(
            StepFact(
                step=planned.step.step,
                key=planned.key,
                facts_sha256=keys.hash_of(piece.facts),
            )
            for planned, piece in steps
        ),
        data=data,
    )


def _card(workshop: Workshop, plan: Plan, judged: Judged, file: FileFact) -> Card:
    recipe, spec = plan.recipe, workshop.require(plan.recipe.model)
    own = f"recipe:{recipe.id}", plan.source_key
    pinned = own if spec.weights is None else (spec.weights.uri, spec.weights.sha256)
    tools = {name for planned in plan.steps for name in planned.entry.tools}
    return Card(
        model=spec.id,
        version=spec.version,
        variant=recipe.variant,
        title=spec.title,
        licence=spec.licence,
        build_key=plan.build_key,
        created=datetime.now(tz=timezone.utc).isoformat(timespec="seconds"),
        model_file=file,
        inputs=spec.inputs,
        outputs=spec.outputs,
        image=spec.image,
        audio=spec.audio,
        source_uri=pinned[0],
        source_sha256=pinned[1],
        quality=judged.quality,
        latency=judged.latency,
        toolchain=keys.tool_versions(sorted({*tools, *_JUDGE_TOOLS})),
        machine=machine.describe(),
        form="onnx" if judged.form == "torch" else judged.form,
        measured=judged.measured,
    )
