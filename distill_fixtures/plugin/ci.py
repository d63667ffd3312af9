"""What a run tells the place in which it runs: GitHub's summary and annotations, JUnit's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill_fixtures.judge.plain_results import criterion_record, regression_record
from distill_fixtures.records import Undefined
from distill_fixtures.report.github import error_lines, on_github, summary_file
from distill_fixtures.report.markdown import summary_markdown

if TYPE_CHECKING:
    from distill_fixtures.judge.grades import CriterionResult
    from distill_fixtures.judge.regression import RegressionResult
    from distill_fixtures.plugin.judging import Judge
    from distill_fixtures.plugin.regressing import Regression

__all__ = [
    "add_summary",
    "annotate",
    "criterion_properties",
    "record_students",
    "record_suite",
    "regression_properties",
]

LEFT_OUT = ("differences", "ci95")
"""Of a result, what is no plain value; the interval's ends are told apart."""


def add_summary(document: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """Append the run in Markdown to the job's summary, where there is one.

    Returns:
        Why it could not be written; None where it was, or where nobody asked for it.
    """
    name = summary_file(environ)
    if name is None:
        return None
    try:
        with Path(name).open("a", encoding="utf-8") as stream:
            stream.write(summary_markdown(document) + "\n")
    except OSError as error:
        return f"the summary for GITHUB_STEP_SUMMARY could not be written: {error}"
    return None


def annotate(
    judge: Judge,
    regression: Regression,
    environ: Mapping[str, str],
    *,
    student: str | None = None,
) -> list[str]:
    """Lines that GitHub shows as errors beside the run: one for each that fails the gate.

    Args:
        student: which of several it is about.
    """
    if not on_github(environ):
        return []
    about = "" if student is None else f"{student}: "
    failures = [
        (each.criterion.name, each.message)
        for each in judge.verdict().criteria
        if judge.fails(each)
    ]
    compared = regression.results()
    if not isinstance(compared, Undefined):
        failures += [
            (f"{each.metric} against the baseline", each.message)
            for each in compared
            if regression.fails(each)
        ]
    return error_lines([(about + title, message) for title, message in failures])


def criterion_properties(result: CriterionResult) -> list[tuple[str, object]]:
    """A criterion's result as properties of its test case."""
    return list(_properties(criterion_record(result)))


def regression_properties(result: RegressionResult) -> list[tuple[str, object]]:
    """A comparison's result as properties of its test case."""
    return list(_properties(regression_record(result)))


def record_suite(document: Mapping[str, Any], record: Callable[[str, object], None]) -> None:
    """Give the whole test suite its properties: what was compared, and the verdict.

    Args:
        record: pytest's ``record_testsuite_property``.
    """
    verdict = document["verdict"]
    for name, value in (
        ("teacher", document["teacher"]["reference"]),
        ("student", document["student"]["reference"]),
        ("questions", document["dataset"]["questions"]),
        ("scoring", document["dataset"]["scoring"]),
        ("verdict", verdict["overall"]),
        ("gate", verdict["gate"]),
        ("partial", document["run"]["partial"]),
    ):
        record(f"distill_{name}", value)


def record_students(board: Mapping[str, Any], record: Callable[[str, object], None]) -> None:
    """The same of several students: the whole, and each one's verdict and gate by its name.

    Args:
        board: ``leaderboard.json``.
        record: pytest's ``record_testsuite_property``.
    """
    record("distill_teacher", board["teacher"])
    record("distill_gate", board["gate"])
    for run in board["runs"]:
        record(f"distill_verdict[{run['name']}]", run["overall"])
        record(f"distill_gate[{run['name']}]", run["gate"])
    for each in board["not_measured"]:
        record(f"distill_verdict[{each['name']}]", each["status"])


def _properties(record: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What there is, by name; the message stands in the test's own result."""
    for name, value in record.items():
        if value is not None and name not in (*LEFT_OUT, "message"):
            yield name, value
    if record["ci95"] is not None:
        yield "ci95_low", record["ci95"][0]
        yield "ci95_high", record["ci95"][1]
