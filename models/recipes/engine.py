"""Runs a recipe: makes the pieces that are missing, judges the last, stores the variant.

What is on the shelf is not made again, so a run that was cut off goes on where it stopped.
"""

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from configs.recipe import RecipeSpec
from models.atomic import write_whole
from models.card import Card
from models.errors import BelowBar, BuildFailed
from models.recipes import keep
from models.recipes.bar import Finding, findings, refused
from models.recipes.bench import Bench, Rooms, Teacher
from models.recipes.inspected import Inspected
from models.recipes.judged import Judged
from models.recipes.members import Members
from models.recipes.origin import Origins
from models.recipes.pieces import Piece
from models.recipes.plan import Plan, PlannedStep, Planner
from models.recipes.references import References
from models.recipes.shelf import Make, Shelf
from models.recipes.toolbox import Toolbox, missing, tool
from models.workshop import Workshop

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to; `refused` is why nothing was stored, empty when it was."""

    plan: Plan
    pieces: tuple[Piece, ...]
    judged: Judged
    findings: tuple[Finding, ...]
    refused: tuple[Finding, ...]
    fresh: bool


class Engine:
    """Runs the recipes of one workshop on one shelf."""

    def __init__(self, workshop: Workshop, toolbox: Toolbox, folder: Path) -> None:
        self._workshop, self._toolbox = workshop, toolbox
        self._shelf = Shelf(folder)
        self._planner = Planner(workshop, toolbox, self._shelf)
        self._origins = Origins(workshop, toolbox, self._shelf, self._planner)
        self._teachers = References(workshop, self._origins, self._last)
        self._members = Members(workshop, self._make_member)

    def plan(self, recipe: str) -> Plan:
        """What `recipe` comes to, without making anything.

        Raises:
            ModelError: it, or what it names, cannot be had.
        """
        return self._planner.plan(self._planner.require(recipe))

    def prepare(self, recipe: str) -> None:
        """Make what the store lacks of the pipelines that `recipe` learns from.

        Raises:
            ModelError: a member cannot be made, or is below its bar.
        """
        self._members.see_to(self._planner.require(recipe))

    def forget(self, recipe: str) -> None:
        """Have every step of `recipe` and its measurements made again."""
        plan = self.plan(recipe)
        for planned in plan.steps:
            self._shelf.drop(planned.key)
        self._shelf.judgement(plan.build_key).unlink(missing_ok=True)

    def found(self, plan: Plan) -> Card | None:
        """The variant as another machine has made it, now here; None: run the recipe.

        A bar on time is of the machine that measures it, so such a variant is made here;
        and so is one that this machine has measured, or has begun to.

        Raises:
            StoreUnwritable: the disk is full or refuses.
        """
        begun = any(step.done for step in plan.steps)
        if begun or plan.recipe.bar.is_timed:
            return None
        recipe = plan.recipe
        return self._workshop.obtain(recipe.model, recipe.variant, plan.build_key)

    def run(self, recipe: str) -> Result:
        """Make, judge and, unless it is below the bar, store the variant of `recipe`.

        Raises:
            ModelError: a step failed, or what it needs cannot be had.
        """
        self.prepare(recipe)
        return self.carry_out(self.plan(recipe))

    def carry_out(self, plan: Plan) -> Result:
        """The same for a plan that is fresh.

        Raises:
            ModelError: a step failed, or what it needs cannot be had.
        """
        source = self._source(plan.recipe)
        pieces = self._pieces(plan, source, len(plan.steps))
        judged, measured_now = self._judged(plan, source, pieces)
        found = findings(plan.recipe.bar, judged)
        bad = refused(plan.recipe.bar, found)
        fresh = measured_now or not all(step.done for step in plan.steps)
        result = Result(plan, pieces, judged, found, bad, fresh)
        if bad:
            keep.withdraw(self._workshop, plan, pieces[-1])
        else:
            data = self._planner.data(plan.recipe)
            with self._naming_a_full_disk(plan.recipe.id, "store"):
                keep.store(self._workshop, plan, pieces, judged, data)
        return result

    @contextmanager
    def inspected(self, plan: Plan) -> Iterator[Inspected]:
        """The pieces of `plan`, which are there if it was run here, to be asked more.

        Raises:
            ModelError: one is missing and cannot be made.
        """
        source = self._source(plan.recipe)
        pieces = self._pieces(plan, source, len(plan.steps))
        reference = self._reference(plan.recipe, source, pieces)
        with self._shelf.room(plan.build_key) as rooms:
            bench = self._bench(plan.recipe, rooms)
            yield Inspected(bench, pieces, reference, source)

    def _source(self, recipe: RecipeSpec) -> Piece | None:
        other = recipe.source.recipe
        if other is None:
            with self._naming_a_full_disk(recipe.id, "source"):
                return self._origins.source(recipe)
        plan = self.plan(other)
        count = recipe.source.after or len(plan.steps)
        return self._pieces(plan, self._source(plan.recipe), count)[-1]

    def _pieces(
        self, plan: Plan, source: Piece | None, count: int
    ) -> tuple[Piece, ...]:
        """The pieces of the first `count` steps."""
        made: list[Piece] = []
        for number, planned in enumerate(plan.steps[:count], start=1):
            step = f"{number} {planned.step.step}"
            with self._naming_a_full_disk(plan.recipe.id, step):
                before = made[-1] if made else source
                make = self._maker(plan.recipe, planned, before)
                made.append(self._shelf.make(planned.key, make))
        return tuple(made)

    def _maker(
        self, recipe: RecipeSpec, planned: PlannedStep, source: Piece | None
    ) -> Make:
        name, entry = planned.step.step, planned.entry

        def make(target: Path, rooms: Rooms) -> Mapping[str, object]:
            _check_takes(recipe, planned, source)
            run = tool(recipe.id, name, entry.run, entry.extra)
            bench = self._bench(recipe, rooms)
            try:
                told = run(planned.step, source, target, bench)
            except ImportError as error:
                reason = missing(error, entry.extra)
                raise BuildFailed(recipe.id, name, reason) from error
            if Piece(target).form is None:
                raise BuildFailed(recipe.id, name, "the step left no piece behind")
            return told if isinstance(told, Mapping) else {}

        return make

    def _bench(self, recipe: RecipeSpec, rooms: Rooms) -> Bench:
        judged_on = self._planner.judged_on(recipe)
        data = recipe.data.model_copy(update={"evaluation": judged_on})
        shop = self._workshop
        return Bench(
            recipe=recipe.model_copy(update={"data": data}),
            spec=shop.require(recipe.model),
            materials=shop.readable if data.skip_broken else shop.materials,
            rooms=rooms,
            teachers=self._teachers,
            progress=shop.progress_of(recipe.id),
        )

    def _last(self, recipe: str) -> Teacher:
        """What the steps of another recipe end in, whatever its bar says."""
        plan = self.plan(recipe)
        made = self._pieces(plan, self._source(plan.recipe), len(plan.steps))
        return Teacher(made[-1], self._workshop.require(plan.recipe.model))

    def _make_member(self, recipe: str) -> None:
        result = self.run(recipe)
        if result.refused:
            spec, first = result.plan.recipe, result.refused[0]
            raise BelowBar(spec.model, spec.variant, first.wanted, first.got)

    def _judged(
        self, plan: Plan, source: Piece | None, pieces: tuple[Piece, ...]
    ) -> tuple[Judged, bool]:
        """The measurements of the last piece, and whether they were made now."""
        kept = self._shelf.judgement(plan.build_key)
        try:
            return Judged.model_validate_json(kept.read_bytes()), False
        except (OSError, ValidationError):
            judged = self._judge(plan, source, pieces)
        with write_whole(kept) as written:
            written.write_text(judged.model_dump_json(indent=2), encoding="utf-8")
        return judged, True

    def _judge(
        self, plan: Plan, source: Piece | None, pieces: tuple[Piece, ...]
    ) -> Judged:
        recipe, piece = plan.recipe, pieces[-1]
        form = piece.form
        if form is None or form not in self._toolbox.judges:
            reason = f"nothing can judge a piece of form {form}; end with `export`"
            raise BuildFailed(recipe.id, "judge", reason)
        reference = self._reference(recipe, source, pieces)
        judge = tool(recipe.id, "judge", self._toolbox.judges[form], "build")
        with (
            self._naming_a_full_disk(recipe.id, "judge"),
            self._shelf.room(plan.build_key) as rooms,
        ):
            judged = judge(piece, reference, self._bench(recipe, rooms))
        if not isinstance(judged, Judged):
            raise BuildFailed(recipe.id, "judge", "it gave no measurements")
        if not findings(recipe.bar, judged):
            reason = "nothing to judge it on; name datasets under data.evaluation"
            raise BuildFailed(recipe.id, "judge", reason)
        return judged

    def _reference(
        self, recipe: RecipeSpec, source: Piece | None, pieces: tuple[Piece, ...]
    ) -> tuple[Teacher, ...]:
        """What the bar names, or else the first of source and pieces that can run."""
        if recipe.bar.against is not None:
            return self._teachers(recipe.bar.against)
        spec = self._workshop.require(recipe.model)
        before = (source, *pieces[:-1])
        runs = (one for one in before if one is not None and one.form in _RUN)
        return tuple(Teacher(one, spec) for one in runs)[:1]

    @contextmanager
    def _naming_a_full_disk(self, recipe: str, step: str) -> Iterator[None]:
        """Tell a full disk from other failures, whoever notices it.

        Raises:
            BuildFailed: the disk is full; what was made before is kept.
        """
        try:
            yield
        except (OSError, RuntimeError) as error:
            free = shutil.disk_usage(self._shelf.root).free
            if getattr(error, "errno", None) not in FULL and free > LEAST_FREE_BYTES:
                raise
            reason = (
                f"the disk of {self._shelf.root} is full ({free} bytes free); make room "
                "and run it again: finished steps are kept"
            )
            raise BuildFailed(recipe, step, reason) from error


_RUN = ("onnx", "llm")

LEAST_FREE_BYTES = 1 << 20
"""Libraries report a full disk in words of their own; below this it is one."""


def _check_takes(
    recipe: RecipeSpec, planned: PlannedStep, source: Piece | None
) -> None:
    takes = planned.entry.takes
    forms = {
        "onnx": source is not None and source.is_onnx,
        "torch": source is not None and source.is_torch,
        "llm": source is not None and source.is_llm,
        "litert": source is not None and source.is_litert,
    }
    if not forms.get(takes, True):
        came = "nothing" if source is None else f"a piece of form {source.form}"
        reason = f"it takes {takes}, got {came}"
        raise BuildFailed(recipe.id, planned.step.step, reason)
