"""The section of two models' answers slice by slice: how much the student differs in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.intervals import accuracy_loss_of, paired_interval
from distill_fixtures.metrics.missing import Interval
from distill_fixtures.metrics.pairing import correct_flags
from distill_fixtures.metrics.retention import accuracy_loss
from distill_fixtures.metrics.section import Section
from distill_fixtures.records import Answer, Question, Undefined

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MOST_INTERVALS", "slices_pair"]

MOST_INTERVALS: Final = 200
"""Of each kind; they take 2 ms each, and a user's labels may be as many as the questions."""

TOO_MANY: Final = Undefined(
    f"only the {MOST_INTERVALS} slices with the largest losses have intervals"
)


def slices_pair(
    questions: Sequence[Question],
    teacher: Sequence[Answer],
    student: Sequence[Answer],
    seed: int,
) -> Section:
    """Accuracy lost within each subdomain and question type, slices by name.

    Each slice is ``{accuracy_loss, total, ci95}``. Its interval is what ``retention_pair`` gives
    of its questions alone, and undefined where they all share one source, and in slices beyond
    ``MOST_INTERVALS``.

    Args:
        questions: unlabelled ones stand in no slice.
        teacher, student: one answer a question, in order.
        seed: of every slice's draws.

    >>> qs = [Question("1", "?", subdomain="Optics"), Question("2", "?", subdomain="Optics")]
    >>> right, wrong = Answer("1", "x", True), Answer("2", "y", False)
    >>> found = slices_pair(qs, [right, right], [right, wrong], seed=0)
    >>> optics = found.slices("accuracy_loss_by_subdomain")["Optics"]
    >>> optics["accuracy_loss"], optics["total"]
    (-0.5, 2)
    """
    right = (correct_flags(teacher), correct_flags(student))
    return Section(
        {
            f"accuracy_loss_by_{kind}": _losses(_places(questions, kind), questions, right, seed)
            for kind in ("subdomain", "question_type")
        },
        samples=len(questions),
    )


def _places(
    questions: Sequence[Question], kind: Literal["subdomain", "question_type"]
) -> dict[str, list[int]]:
    """Places of each slice's questions, slices by name."""
    places: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        name = question.subdomain if kind == "subdomain" else question.question_type
        if name is not None:
            places.setdefault(name, []).append(place)
    return {name: places[name] for name in sorted(places)}


def _losses(
    slices: dict[str, list[int]],
    questions: Sequence[Question],
    right: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    seed: int,
) -> dict[str, dict[str, Any]]:
    """The record of each slice."""
    losses = {
        name: accuracy_loss(*(float(flags[places].mean()) for flags in right))
        for name, places in slices.items()
    }
    worst = set(sorted(losses, key=losses.__getitem__)[:MOST_INTERVALS])
    found: dict[str, dict[str, Any]] = {}
    for name, places in slices.items():
        interval: Interval | Undefined = TOO_MANY
        if name in worst:
            interval = paired_interval(
                right[0][places],
                right[1][places],
                accuracy_loss_of,
                clusters=clusters_of([questions[place] for place in places]),
                seed=seed,
            )
        found[name] = {"accuracy_loss": losses[name], "total": len(places), "ci95": interval}
    return found
