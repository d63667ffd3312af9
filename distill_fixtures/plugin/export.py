"""What a run leaves: two documents, the files, and the closing words on the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill_fixtures.catalog import FAMILIES
from distill_fixtures.errors import DistillBenchError, UsageError
from distill_fixtures.judge.plain_results import criterion_record, regression_record
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.plugin.options import options_in_force
from distill_fixtures.plugin.regression_export import (
    any_fails,
    baseline_record,
    process_timing_section,
)
from distill_fixtures.records import Answer, Role, Undefined
from distill_fixtures.report.assemble import ModelParts, assemble, dataset_section
from distill_fixtures.report.comparison import compare_answers
from distill_fixtures.report.document import (
    SCHEMA_VERSION,
    CriterionSection,
    Document,
    RunSection,
    VerdictSection,
)
from distill_fixtures.report.environment import describe_environment
from distill_fixtures.report.json_files import METRICS_FILE, write_results
from distill_fixtures.report.process_sections import RegressionRecord
from distill_fixtures.report.terminal import print_closing

if TYPE_CHECKING:
    from distill_fixtures.judge.gate import Verdict
    from distill_fixtures.plugin.judging import Judge
    from distill_fixtures.plugin.regressing import Regression
    from distill_fixtures.plugin.store import SessionStore

__all__ = ["Documents", "RunState", "build_documents", "check_document", "export", "say"]


@dataclass
class RunState:
    """How far a run got.

    Attributes:
        created_at: its start.
        selected: node ids of the selected tests that use the suite.
        families: markers on them.
        deselected: how many such tests were deselected.
        finished: node ids of those that ran to their end.
        interrupted: Ctrl-C, or a fault that ended the run.
        stopped_by: that fault.
        hook_error: what a user's hook did to the document.
        page_error: what went wrong when the page was drawn.
        written: the files written.
    """

    created_at: datetime
    selected: tuple[str, ...]
    families: frozenset[str]
    deselected: int
    finished: set[str] = field(default_factory=set)
    interrupted: bool = False
    stopped_by: DistillBenchError | None = None
    hook_error: DistillBenchError | None = None
    page_error: DistillBenchError | None = None
    written: list[Path] = field(default_factory=list)

    @cached_property
    def selected_set(self) -> frozenset[str]:
        return frozenset(self.selected)


@dataclass(frozen=True)
class Documents:
    """A run's results as plain types, ready to be written.

    Attributes:
        metrics: ``distillation_metrics.json``.
        comparison: ``comparison_results.json``; None when teacher or student answered nothing.
    """

    metrics: dict[str, Any]
    comparison: dict[str, Any] | None


def build_documents(
    store: SessionStore,
    judge: Judge,
    regression: Regression,
    state: RunState,
    *,
    rootpath: Path,
) -> Documents:
    """Make both documents of what was measured; measures nothing."""
    compared = regression.results()
    run = _run_section(store, state, regression)
    device, dtype = store.placement or (None, None)
    document = assemble(
        created_at=state.created_at.isoformat(),
        environment=describe_environment(
            device=device, dtype=dtype, rootpath=rootpath, machine=store.machine
        ),
        run=run,
        dataset=dataset_section(store.questions, store.scoring, store.prompt_digest),
        models={role: _model_parts(store, role) for role in store.roles},
        pair={name: store.known_pair_section(name) for name in PAIR_SECTIONS},
        tokenizers_differ=store.tokenizers_differ,
        timings=store.known_timings(),
        verdict=_verdict_section(judge.verdict(), failed=any_fails(regression, compared)),
        process_timing=process_timing_section(store),
        regression=compared
        if isinstance(compared, Undefined)
        else [RegressionRecord(**regression_record(each)) for each in compared],
    )
    return Documents(document.model_dump(mode="json"), _comparison(store, run))


def check_document(metrics: dict[str, Any]) -> None:
    """Make sure that a document still fits the schema and strict JSON.

    Raises:
        pydantic.ValidationError, TypeError, ValueError: it does not.
    """
    Document.model_validate(metrics)
    json.dumps(metrics, allow_nan=False)


def export(folder: Path, documents: Documents, state: RunState) -> None:
    """Write the documents, and then the page that shows them."""
    state.written = write_results(folder, documents.metrics, documents.comparison)
    try:
        state.written += _write_page(folder, documents)
    except Exception as error:  # whatever goes wrong in drawing, the results are written and said
        state.page_error = UsageError(
            "report.html and its plots could not be drawn; the JSON files are written",
            got=f"{type(error).__name__}: {error}",
            wanted="a page drawn from them",
            next_step=f"distill-bench report {folder / METRICS_FILE} draws it again; a page that "
            "lies there now is an earlier run's",
        )


def _write_page(folder: Path, documents: Documents) -> list[Path]:
    from distill_fixtures.report.html.files import write_report
    from distill_fixtures.report.html.page import draw_report

    return write_report(folder, draw_report(documents.metrics, documents.comparison))


def say(documents: Documents, state: RunState, terminalreporter: Any) -> None:
    """Print the closing table and the files written."""
    print_closing(documents.metrics, state.written, terminalreporter)
    for error in (state.hook_error, state.page_error):
        if error is not None:
            terminalreporter.write_line(str(error), red=True)


def _run_section(store: SessionStore, state: RunState, regression: Regression) -> RunSection:
    config = store.config
    reasons = []
    if config.limit is not None and store.questions.partial:
        reasons.append(f"--distill-limit {config.limit}")
    if state.deselected:
        reasons.append(f"{state.deselected} tests of the suite were deselected")
    missing = sorted({*FAMILIES} - state.families)
    if missing:
        reasons.append("no selected test of: " + ", ".join(missing))
    if len(state.finished) < len(state.selected):
        reasons.append(f"{len(state.finished)} of {len(state.selected)} selected tests ran")
    if state.stopped_by is not None:
        reasons.append(state.stopped_by.what)
    references = {role: getattr(config, role) for role in ("teacher", "student", "control")}
    return RunSection(
        options=options_in_force(config),
        references=references,
        partial=bool(reasons),
        partial_reasons=reasons,
        interrupted=state.interrupted,
        tests_selected=len(state.selected),
        tests_run=len(state.finished),
        baseline=baseline_record(regression),
    )


def _model_parts(store: SessionStore, role: Role) -> ModelParts:
    recorded = store.recordings().models[role]
    card = recorded.card
    return ModelParts(
        reference=getattr(store.config, role),
        digest=card if isinstance(card, Undefined) else card.digest,
        architecture=card if isinstance(card, Undefined) else card.architecture,
        sections={name: store.known_model_section(role, name) for name in MODEL_SECTIONS},
        rounds=recorded.timed,
        isolated=recorded.isolated,
        scoring=store.known_scoring_report(role),
        correct=_correct(recorded.answers),
        merged=recorded.merged,
    )


def _correct(answers: Sequence[Answer] | Undefined) -> Sequence[bool] | Undefined:
    if isinstance(answers, Undefined):
        return answers
    return [bool(answer.correct) for answer in answers]


def _comparison(store: SessionStore, run: RunSection) -> dict[str, Any] | None:
    answers = {
        role: model.answers
        for role, model in store.recordings().models.items()
        if not isinstance(model.answers, Undefined)
    }
    if not {"teacher", "student"} <= answers.keys():
        return None
    compared = compare_answers(
        store.questions.questions,
        answers,
        schema_version=SCHEMA_VERSION,
        partial=run.partial,
        interrupted=run.interrupted,
    )
    return compared.model_dump(mode="json")


def _verdict_section(found: Verdict, *, failed: bool) -> VerdictSection:
    """The verdict; a figure that fails against the baseline fails the gate too."""
    return VerdictSection(
        overall=found.overall,
        gate="fail" if failed else found.gate,
        criteria=[CriterionSection(**criterion_record(result)) for result in found.criteria],
    )
