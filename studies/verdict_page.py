"""The page of the study of verdicts, from the counts of its sittings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from studies.study_page import markdown_table
from studies.verdict_sittings import Sitting, Times, summed
from studies.verdict_summary import Alarms

__all__ = ["page_of"]

VERDICTS = ("pass", "inconclusive", "fail")


def page_of(introduction: Sequence[str], sittings: Sequence[Sitting]) -> list[str]:
    """The page in Markdown.

    Args:
        introduction: paragraphs that say what was done.
    """
    letters = [chr(ord("A") + place) for place in range(len(sittings))]
    where = zip(letters, sittings, strict=True)
    return [
        "# How often a verdict about time is wrong",
        "",
        *[line for paragraph in introduction for line in (paragraph, "")],
        "Sittings:",
        "",
        *[f"- {letter}: {sitting.setting}" for letter, sitting in where],
        "",
        *_unchanged(letters, sittings),
        "",
        *_slowed(letters, sittings),
        "",
        *_speed(letters, sittings),
    ]


def _unchanged(letters: Sequence[str], sittings: Sequence[Sitting]) -> list[str]:
    rows = []
    for condition in _all(sittings, lambda sitting: sitting.unchanged):
        counts = [sitting.unchanged.get(condition, {}) for sitting in sittings]
        for found in summed(counts):
            cells = [condition, _where(letters, counts), *_cells(found)]
            rows.append([*cells, f"{100 * found.at_most:.2f} %"])
    head = ["condition", "sittings", "rule", "trials", *VERDICTS, "at most"]
    return [
        "## Unchanged code",
        "",
        "A `fail` is a false alarm. `at most`: its true share, by the one-sided 95 % bound of "
        "Clopper and Pearson.",
        "",
        *markdown_table(head, rows),
    ]


def _slowed(letters: Sequence[str], sittings: Sequence[Sitting]) -> list[str]:
    rows = []
    for condition in _all(sittings, lambda sitting: sitting.slowed):
        by_percent = [sitting.slowed.get(condition, {}) for sitting in sittings]
        percents = sorted({percent for each in by_percent for percent in each}, key=float)
        for percent in percents:
            counts = [each.get(percent, {}) for each in by_percent]
            seconds = _mean_s(sittings, condition, percent)
            for found in summed(counts):
                cells = [condition, _where(letters, counts), f"{percent} %", *_cells(found)]
                rows.append([*cells, f"{100 * found.at_least:.1f} %", f"{seconds:.1f}"])
    head = ["condition", "sittings", "slower by", "rule", "trials", *VERDICTS]
    return [
        "## Slowdowns put in on purpose",
        "",
        "After every token the student waits for a share of the time that it took, busily and "
        "under the clock. Slowed students are timed beside the unchanged one, with which they "
        "share the weights in memory; `slowed alone`: in its place. `at least`: the share found, "
        "one-sided 95 % bound. `timing`: seconds of rounds of one model in the current run.",
        "",
        *markdown_table([*head, "at least", "timing, s"], rows),
    ]


def _mean_s(sittings: Sequence[Sitting], condition: str, percent: str) -> float:
    """Of all trials of a condition."""
    trials = total_s = 0.0
    for sitting in sittings:
        counts = sitting.slowed.get(condition, {}).get(percent)
        if counts:
            some = summed([counts])[0].trials
            trials += some
            total_s += some * sitting.timing_s[condition][percent]
    return total_s / trials


def _speed(letters: Sequence[str], sittings: Sequence[Sitting]) -> list[str]:
    rows = [
        [
            condition,
            letter,
            f"{found.processes}",
            f"{found.median:.4f}",
            f"{100 * found.within_1_pct:.0f} %",
        ]
        for condition in _all(sittings, lambda sitting: sitting.speedup)
        for letter, sitting in zip(letters, sittings, strict=True)
        if (found := sitting.speedup.get(condition)) is not None
    ]
    head = ["condition", "sitting", "processes", "median speedup", "within 1 % of 1"]
    return [
        "## Speed against the teacher",
        "",
        "The speedup of the same model over itself, from the paired rounds of every process, as "
        "if each were a run of its own. It should be 1. (Grades: "
        "[speed_grades.md](speed_grades.md).)",
        "",
        *markdown_table(head, rows),
    ]


def _all(sittings: Sequence[Sitting], part: Callable[[Sitting], Iterable[str]]) -> list[str]:
    """Conditions of all sittings, each once."""
    return sorted({name for sitting in sittings for name in part(sitting)})


def _where(letters: Sequence[str], counts: Sequence[Times]) -> str:
    return "".join(letter for letter, each in zip(letters, counts, strict=True) if each)


def _cells(found: Alarms) -> list[str]:
    return [found.rule, f"{found.trials}", *(f"{found.verdicts[name]}" for name in VERDICTS)]
