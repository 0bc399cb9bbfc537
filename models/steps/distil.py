"""The step `distil`: a small student learns from a teacher's soft labels.

Teacher and student see the same varied photos (`distillation.view_count`); the teacher is
asked once for each and its answers are kept. The loss is Hinton's (2015): the labels' cross
entropy (of photos without labels: the teacher's first class), and the teacher's distribution softened by the temperature. A feature hint
(Romero 2015) asks that a 1x1 projection of the student's last features be the teacher's.
"""

from collections.abc import Mapping
from pathlib import Path

from configs.steps import DistilStep
from models.recipes.bench import Bench
from models.recipes.pieces import Piece


def run(
    step: DistilStep, source: Piece | None, target: Path, bench: Bench
) -> Mapping[str, object]:
    """Train the student; a torch piece. Facts compare it with its teacher.

    Raises:
        ModelError: the teacher, the architecture, the photos or the training fail.
    """
    from models.training import distillation, session, weights

    lessons = distillation.prepare(bench, step)
    student = session.begin(bench, step.student, step.options)
    history = distillation.learn(lessons, student.module)
    weights.save(student, target)
    facts: dict[str, object] = {
        "photos": len(lessons.course.sets.train),
        "student": history.facts(),
    }
    if session.is_held_to_labels(bench):
        facts["teacher_top1"] = round(lessons.council.top1(), 5)
    else:
        facts["labels"] = "none: `top1` is agreement with the teacher"
    if step.compare_without_teacher and session.is_labelled(bench):
        alone = session.begin(bench, step.student, step.options)
        learned = distillation.learn_alone(lessons, alone.module)
        facts["student_without_teacher"] = learned.facts()
    return facts
