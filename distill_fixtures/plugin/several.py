"""Several students in one session: whose tests still run, and what is left of each that is done.

A student that is done is let go: of its measurements only the document without raw samples stays,
for the leaderboard at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from distill_fixtures.errors import UsageError
from distill_fixtures.judge.board import BoardEntry, board_of
from distill_fixtures.judge.side_by_side import Contestant
from distill_fixtures.report.json_files import METRICS_FILE, write_json
from distill_fixtures.report.leaderboard_document import (
    LEADERBOARD_FILE,
    LEADERBOARD_METRICS,
    SORTED_BY,
    Leaderboard,
    NotMeasured,
)
from distill_fixtures.report.several_closing import print_several

if TYPE_CHECKING:
    from distill_fixtures.errors import DistillBenchError
    from distill_fixtures.plugin.export import RunState
    from distill_fixtures.plugin.shared import SharedByStudents
    from distill_fixtures.plugin.students import Asked, Student
    from distill_fixtures.records import Question

__all__ = ["Halt", "SeveralStudents", "without_samples"]

Document = dict[str, Any]
NOT_SELECTED = "none of its tests was selected"
NOT_REACHED = "the session ended before it was reached"


@dataclass
class Halt:
    """Why a student's tests do not run.

    Attributes:
        reason: for each test that is skipped, in a few words.
        message: for the one test that fails in place of all; None: none fails.
    """

    reason: str
    message: str | None = None


@dataclass(frozen=True)
class Done:
    """A student of which there is a document."""

    student: Student
    document: Document
    status: Literal["measured", "kept"]


@dataclass
class SeveralStudents:
    """What a session of several students holds beside the one that is measured.

    Attributes:
        asked: who they are.
        shared: what they share.
        questions: asked of all.
        selected: names of those of whom a test was selected.
        started_at: when the session began.
        halts: by name, the students whose tests do not run any more.
        failures: by name, what went wrong with a student.
        hook_errors: what users' hooks did to documents.
        page_errors: what went wrong when students' pages were drawn.
        written: files of the session.
        stopped_by: what ended the session.
        interrupted: it did not come to its end.
    """

    asked: Asked
    shared: SharedByStudents
    questions: tuple[Question, ...]
    selected: frozenset[str]
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    halts: dict[str, Halt] = field(default_factory=dict)
    failures: dict[str, DistillBenchError] = field(default_factory=dict)
    hook_errors: list[DistillBenchError] = field(default_factory=list)
    page_errors: list[DistillBenchError] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    stopped_by: DistillBenchError | None = None
    interrupted: bool = False
    _done: dict[str, Done] = field(default_factory=dict)

    def fail(self, name: str, error: DistillBenchError, *, told: bool) -> None:
        """A student cannot be measured, or not any further.

        Args:
            told: a test has failed by it already.
        """
        self.failures[name] = error
        reason = f"student {name}: {error.what}"
        self.halts[name] = Halt(reason, None if told else f"student {name}: {error}")

    def keep(self, student: Student, document: Document) -> None:
        """An earlier run finished a student: its tests are left out, its verdict counts."""
        name = str(student.name)
        self._done[name] = Done(student, without_samples(document), "kept")
        folder = student.config.metrics_dir
        reason = f"student {name} was measured on {document['created_at'][:16]}: {folder}"
        failed = document["verdict"]["gate"] == "fail"
        self.halts[name] = Halt(reason, f"{reason}; its gate failed" if failed else None)

    def note_written(self, state: RunState) -> None:
        """A student's files are written, whether or not it was measured to its end."""
        if state.hook_error is not None:
            self.hook_errors.append(state.hook_error)
        if state.page_error is not None:
            self.page_errors.append(state.page_error)

    def finish(self, student: Student, document: Document) -> None:
        """A student was measured, and its files are written."""
        self._done[str(student.name)] = Done(student, without_samples(document), "measured")

    @property
    def documents(self) -> Mapping[str, Document]:
        """By name, in the order of the students, without raw samples."""
        names = (str(student.name) for student in self.asked.students)
        return {name: self._done[name].document for name in names if name in self._done}

    @cached_property
    def leaderboard(self) -> Document:
        """``leaderboard.json``, made once, when all students are done."""
        done = [self._done[name] for name in self.documents]
        entries = [
            BoardEntry(f"{each.student.name}/{METRICS_FILE}", self._contestant(each))
            for each in done
        ]
        board: Document = {
            "sorted_by": SORTED_BY,
            "held_against": None,
            "metrics": list(LEADERBOARD_METRICS),
            "runs": [],
            "pairs": [],
        }
        if entries:
            seed = self.asked.config.seed
            board = board_of(entries, LEADERBOARD_METRICS, SORTED_BY, seed)
            for row in board["runs"]:
                found = done[row["given"] - 1]
                row |= {"name": found.student.name, "status": found.status}
        document = Leaderboard.of(
            board,
            [self._not_measured(each) for each in self.asked.students if not self._is_done(each)],
            created_at=self.started_at.isoformat(),
            teacher=self.asked.config.teacher,
            interrupted=self.interrupted,
        )
        return document.model_dump(mode="json")

    def write(self) -> None:
        """Write what is told of all students together: the leaderboard, and its page."""
        folder = self.asked.config.metrics_dir
        path = folder / LEADERBOARD_FILE
        write_json(path, self.leaderboard)
        self.written = [path]
        if not self.leaderboard["runs"]:
            return
        try:
            self.written += self._write_page(folder)
        except Exception as error:  # whatever goes wrong in drawing, the results are written
            fault = UsageError(
                "the joint report.html could not be drawn; the JSON files are written",
                got=f"{type(error).__name__}: {error}",
                wanted="a page drawn from them",
                next_step="distill-bench report with each student's folder draws it again",
            )
            self.page_errors.append(fault)

    def _write_page(self, folder: Path) -> list[Path]:
        from distill_fixtures.report.html.files import REPORT_FILE, write_report
        from distill_fixtures.report.html.joint_page import JointRun, draw_joint_report

        runs = []
        for row in self.leaderboard["runs"]:
            own = self._done[row["name"]].student.config.metrics_dir
            link = f"{own.name}/{REPORT_FILE}" if (own / REPORT_FILE).is_file() else ""
            runs.append(JointRun(self._done[row["name"]].document, link))
        return write_report(folder, draw_joint_report(self.leaderboard, runs))

    def say(self, terminalreporter: Any) -> None:
        """Print one table of all students."""
        documents = self.documents.values()
        print_several(self.leaderboard, documents, self.written, terminalreporter)
        for error in (*self.hook_errors, *self.page_errors):
            terminalreporter.write_line(str(error), red=True)

    def _contestant(self, done: Done) -> Contestant:
        return Contestant(done.document, self.questions)

    def _is_done(self, student: Student) -> bool:
        return student.name in self._done

    def _not_measured(self, student: Student) -> NotMeasured:
        name = str(student.name)
        status: Literal["failed", "not_reached", "not_selected"] = "not_reached"
        reason = NOT_REACHED
        if name in self.failures:
            error = self.failures[name]
            status, reason = "failed", f"{error.what}: {error.got}"
        elif name not in self.selected:
            status, reason = "not_selected", NOT_SELECTED
        elif self.stopped_by is not None:
            reason = f"{NOT_REACHED}: {self.stopped_by.what}"
        return NotMeasured(name=name, student=student.config.student, status=status, reason=reason)


def without_samples(document: Document) -> Document:
    """A document without its raw samples, of which there may be tens of thousands."""
    slim = dict(document)
    slim["process_timing"] = None
    for role in ("teacher", "student", "control"):
        if document[role] is None:
            continue
        model = dict(document[role])
        model["benchmark"] = model["benchmark"] | {"samples": None}
        model["memory"] = model["memory"] | {"curve": None}
        slim[role] = model
    return slim
