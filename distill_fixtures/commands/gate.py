"""``distill-bench gate``: judge a run's file again, without running anything."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.commands.run_files import RunFiles, read_run
from distill_fixtures.commands.screen import Screen
from distill_fixtures.judge.again import JudgedAgain, judge_again
from distill_fixtures.judge.criteria import Thresholds
from distill_fixtures.judge.gate import fails_gate
from distill_fixtures.judge.plain_results import criterion_record, regression_record
from distill_fixtures.judge.regression import RegressionResult, fails_regression
from distill_fixtures.judge.regression_again import compare_documents, regression_again
from distill_fixtures.judge.replay import replayed_questions
from distill_fixtures.judge.same_run import NO_ANSWERS
from distill_fixtures.judge.thresholds import find_thresholds, read_thresholds
from distill_fixtures.records import Question, Undefined
from distill_fixtures.report.baseline import Baseline, read_baseline
from distill_fixtures.report.github import defused, error_lines, on_github
from distill_fixtures.report.page import Page
from distill_fixtures.report.terminal import judged_text

__all__ = ["add_arguments", "run"]

HOLDS, FAILS = 0, 1


@dataclass(frozen=True)
class Outcome:
    """What judging a run again came to.

    Attributes:
        document: the run's own, with the new verdict and regression.
        failures: name and message of what fails.
        notes: what a reader should know of how it came about.
    """

    document: Mapping[str, Any]
    failures: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a distillation_metrics.json, or the folder that holds one; comparison_results.json "
        "beside it is used where it is there",
    )
    parser.add_argument(
        "--thresholds",
        type=Path,
        metavar="FILE",
        help="thresholds (default: thresholds.toml of this folder, else the package's own)",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="an earlier distillation_metrics.json to compare with (default: what the run itself "
        "was compared with)",
    )
    parser.add_argument("--json", action="store_true", help="print verdict and regression as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but failures")


def run(given: argparse.Namespace) -> int:
    thresholds = read_thresholds(find_thresholds(given.thresholds, Path.cwd()))
    files = read_run(given.file)
    baseline = None if given.baseline is None else read_baseline(given.baseline)
    outcome = judged(files, thresholds, baseline)
    if given.json:
        said = {key: outcome.document[key] for key in ("verdict", "regression")}
        said |= {"thresholds": str(thresholds.path), "notes": list(outcome.notes)}
        sys.stdout.write(json.dumps(said, indent=2, allow_nan=False) + "\n")
    else:
        text = _text(outcome, files, thresholds, quiet=given.quiet)
        on_runner = on_github(os.environ)
        sys.stdout.write(defused(text) if on_runner else text)
        if on_runner:
            sys.stdout.writelines(f"{line}\n" for line in error_lines(outcome.failures))
    return HOLDS if outcome.document["verdict"]["gate"] == "pass" else FAILS


def judged(files: RunFiles, thresholds: Thresholds, baseline: Baseline | None) -> Outcome:
    """Judge a run by thresholds, and against a baseline where one is given.

    Raises:
        ResultFileError: what the run's files hold does not fit together.
    """
    again = judge_again(files.document, thresholds, files.comparison)
    notes = list(again.notes)
    if isinstance(files.comparison, Undefined) and files.comparison != NO_ANSWERS:
        notes.append(files.comparison.reason)
    compared = _compared(files, thresholds, baseline, notes)
    fails = [each for each in compared or () if fails_regression(each, thresholds.gate)]
    document = _with_verdict(files.document, again, compared, failed=bool(fails))
    if baseline is not None:
        about = {
            "path": str(baseline.path),
            "created_at": baseline.document["created_at"],
            "student": baseline.document["student"]["reference"],
        }
        document["run"] = {**document["run"], "baseline": about}
    failures = [
        (each.criterion.name, each.message)
        for each in again.verdict.criteria
        if fails_gate(each, thresholds.gate)
    ]
    failures += [(f"{each.metric} against the baseline", each.message) for each in fails]
    return Outcome(document, tuple(failures), tuple(notes))


def _compared(
    files: RunFiles, thresholds: Thresholds, baseline: Baseline | None, notes: list[str]
) -> tuple[RegressionResult, ...] | None:
    """The comparison with a baseline; None where the run had none and none is given."""
    tolerances = thresholds.regression_tolerance_pct
    if baseline is not None:
        questions: tuple[Question, ...] = ()
        if isinstance(files.comparison, Undefined):
            notes.append(f"questions are taken as independent: {files.comparison.reason}")
        else:
            questions = replayed_questions(files.comparison)
        return compare_documents(baseline.document, files.document, tolerances, questions)
    records = files.document["regression"]
    if records is None:
        return None
    names = {each["metric"] for each in records}
    missing = [name for name in tolerances if name not in names]
    if missing:
        notes.append("not compared in that run, and so not judged: " + ", ".join(missing))
    return regression_again(records, tolerances)


def _with_verdict(
    document: Mapping[str, Any],
    again: JudgedAgain,
    compared: tuple[RegressionResult, ...] | None,
    *,
    failed: bool,
) -> dict[str, Any]:
    verdict = {
        "overall": again.verdict.overall,
        "gate": "fail" if failed else again.verdict.gate,
        "criteria": [criterion_record(each) for each in again.verdict.criteria],
    }
    regression = None if compared is None else [regression_record(each) for each in compared]
    return {**document, "verdict": verdict, "regression": regression}


def _text(outcome: Outcome, files: RunFiles, thresholds: Thresholds, *, quiet: bool) -> str:
    screen = Screen.of()
    page = Page(screen.width, colour=screen.colour)
    for _, message in outcome.failures:
        for line in message.split("\n"):
            page.write(line)
    if quiet:
        return page.text
    about = f"{files.path} of {files.document['created_at'][:16]}, judged by {thresholds.path}"
    head = Page(screen.width, colour=screen.colour)
    head.write(about)
    table = judged_text(outcome.document, width=screen.width, colour=screen.colour)
    tail = Page(screen.width, colour=screen.colour)
    for note in outcome.notes:
        tail.write(f"note: {note}")
    failures = f"\n{page.text}" if outcome.failures else ""
    return head.text + table + tail.text + failures
