"""leaderboard.json: the students of one session side by side, and those that were not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from distill_fixtures.report.figure_sections import DocumentSection, Interval, Number

__all__ = ["LEADERBOARD_FILE", "LEADERBOARD_METRICS", "SORTED_BY", "Leaderboard", "NotMeasured"]

LEADERBOARD_FILE: Final = "leaderboard.json"
SORTED_BY: Final = "accuracy"
LEADERBOARD_METRICS: Final = (
    "accuracy",
    "accuracy_norm",
    "knowledge_retention_pct",
    "chance_corrected_retention_pct",
    "agreement",
    "inference_time_s",
    "speedup",
    "speed_improvement_pct",
    "tokens_per_s",
    "disk_bytes",
    "size_reduction_pct",
    "parameters_total",
    "parameter_reduction_pct",
    "model_memory_bytes",
    "peak_memory_bytes",
    "memory_reduction_pct",
    "performance_efficiency",
    "distillation_gain",
)
"""What the file holds of each student; its own document has the rest."""


class LeaderboardFigure(DocumentSection):
    """One figure of one student."""

    value: Number | None = Field(description="null where there is none, or none that compares")
    ci95: Interval | None = Field(description="its 95 % interval; null where it has none")
    why: str | None = Field(description="why there is no value; null where there is one")


class LeaderboardRow(DocumentSection):
    """One student that was measured."""

    place: int = Field(description="in the table, from 1; best first")
    given: int = Field(description="among the students measured, in the order given, from 1")
    name: str = Field(description="of its folder, in test ids and in the thresholds")
    status: Literal["measured", "kept"] = Field(
        description="kept: an earlier run finished it, and `--distill-resume` was given"
    )
    path: str = Field(description="of its `distillation_metrics.json`, seen from this file")
    created_at: str = Field(description="when the run that measured it began, ISO 8601")
    student: str = Field(description="its model's reference")
    teacher: str = Field(description="its teacher's reference")
    overall: Literal["good", "acceptable", "poor", "not_judged"] = Field(
        description="its verdict: the worst grade among the judged"
    )
    gate: Literal["pass", "fail"] = Field(description="its own gate")
    partial: bool = Field(description="part of the suite, or of the questions, or interrupted")
    front: list[Literal["time", "size"]] = Field(
        description="where no other student has at least its accuracy for less time per sample "
        "(or bytes on disk)"
    )
    figures: dict[str, LeaderboardFigure] = Field(description="by metric")


class LeaderboardPair(DocumentSection):
    """Two students' accuracies on the same questions, the one that stands higher first."""

    first: int = Field(description="its place")
    second: int = Field(description="its place")
    difference: Number = Field(description="accuracy of the first less that of the second")
    ci95: Interval | None = Field(
        description="of the difference; allows for questions that share a source"
    )
    why_no_interval: str | None = Field(description="why `ci95` is null; null where it is not")
    only_first_right: int = Field(description="questions that only the first answers rightly")
    only_second_right: int = Field(description="questions that only the second answers rightly")
    p_mcnemar: Number = Field(description="exact McNemar, two-sided")
    p_holm: Number = Field(description="the same, by Holm's correction over all pairs")
    sources_known: bool = Field(description="it was known which questions share a source")


class NotMeasured(DocumentSection):
    """A student that has no place in the table."""

    name: str = Field(description="of its folder, in test ids and in the thresholds")
    student: str = Field(description="its model's reference")
    status: Literal["failed", "not_reached", "not_selected"] = Field(
        description="failed: it could not be loaded, or not measured to the end (what was measured "
        "until then is in its folder); not_reached: the session ended before it; not_selected: "
        "none of its tests was"
    )
    reason: str = Field(description="why it was not measured")


class Leaderboard(DocumentSection):
    """leaderboard.json."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="leaderboard.json")

    schema_version: Literal[1] = Field(description="rises with any change of the keys")
    created_at: str = Field(description="when the session began, ISO 8601")
    teacher: str = Field(description="the teacher's reference")
    gate: Literal["pass", "fail"] = Field(
        description="fail: a student's gate fails, or a student failed or was not reached"
    )
    interrupted: bool = Field(description="the session did not come to its end")
    sorted_by: str = Field(description="the metric that the places go by")
    held_against: int | None = Field(
        description="place of the student whose conditions the others' figures are held against; "
        "null where none was measured"
    )
    metrics: list[str] = Field(description="what `figures` holds")
    runs: list[LeaderboardRow] = Field(description="the students measured, best first")
    pairs: list[LeaderboardPair] = Field(description="each two of them with the same questions")
    not_measured: list[NotMeasured] = Field(description="the other students")

    @classmethod
    def of(
        cls,
        board: Mapping[str, Any],
        not_measured: Sequence[NotMeasured],
        *,
        created_at: str,
        teacher: str,
        interrupted: bool,
    ) -> Leaderboard:
        """The document of a session.

        Args:
            board: sorting, rows and pairs, each row with the name and status of its student.
            not_measured: the other students.
        """
        failed = any(each["gate"] == "fail" for each in board["runs"]) or any(
            each.status in ("failed", "not_reached") for each in not_measured
        )
        return cls.model_validate(
            {
                **board,
                "schema_version": 1,
                "created_at": created_at,
                "teacher": teacher,
                "gate": "fail" if failed else "pass",
                "interrupted": interrupted,
                "not_measured": list(not_measured),
            }
        )
