"""Several students in one session: each measured as if alone, the teacher once."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from distill_fixtures.report.schema import schema_file
from tests.plugin.tiny_inputs import Tiny, tiny_llama
from tests.plugin.whole_runs import REVERSING, SPYING
from tests.plugin.workspace import Outcome, QuickStarter, Workspace
from tests.tiny_models import save

PASSED, FAILED, INTERRUPTED, USAGE_ERROR = 0, 1, 2, 4
ANSWERED = ("-m", "size or accuracy or fidelity or retention")


def students_file(workspace: Workspace, **references: object) -> Path:
    """A file of students by name."""
    sections = [
        f'[[student]]\nreference = "{reference}"\nname = "{name}"\n'
        for name, reference in references.items()
    ]
    return workspace.write("students.toml", "\n".join(sections))


def options(tiny: Tiny, file: Path, **changed: object) -> list[str]:
    return tiny.options(student_model=None, distill_students=file, **changed)


def board_of(workspace: Workspace, folder: str = "metrics") -> dict[str, Any]:
    found: dict[str, Any] = workspace.read_json(f"{folder}/leaderboard.json")
    schema = json.loads(schema_file("leaderboard").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema)
    return found


def names(board: dict[str, Any]) -> set[str]:
    return {run["name"] for run in board["runs"]}


@pytest.fixture
def wide(tiny: Tiny, tmp_path: Path) -> Path:
    """A second student, as large as the teacher."""
    return save(tiny_llama(hidden=96, layers=3, seed=5), tmp_path / "wide")


# A sweep of which one fails while it is measured.


@dataclass(frozen=True)
class Sweep:
    workspace: Workspace
    outcome: Outcome
    board: dict[str, Any]
    events: list[str]
    order: list[str]


OWN_TESTS = """
def test_mine(student, teacher, judge, questions):
    assert student.card.parameters_total <= teacher.card.parameters_total
    assert judge("size_reduction_pct").grade in ("good", "poor")


def test_by_name(request, distill_role):
    request.getfixturevalue("student")


def test_of_nobody():
    pass
"""


@pytest.fixture(scope="module")
def sweep(
    tmp_path_factory: pytest.TempPathFactory, tiny: Tiny, heavy_starter: QuickStarter
) -> Sweep:
    folder = tmp_path_factory.mktemp("sweep")
    workspace = Workspace(folder / "clone", heavy_starter)
    wide = save(tiny_llama(hidden=96, layers=3, seed=5), folder / "wide")
    file = students_file(workspace, small=tiny.student, broken=tiny.broken, wide=wide)
    workspace.write("spying.py", SPYING)
    workspace.write("reversing.py", REVERSING)
    workspace.write("own/test_own.py", OWN_TESTS)
    outcome = workspace.quick(
        *options(tiny, file, distill_score_cache=folder / "scores"),
        *("-p", "spying", "-p", "reversing"),
        *("--json-report", "--json-report-file=report.json"),
        *("-k", "accuracy or size or mine or by_name or of_nobody or agreement"),
        *("benchmarks", "own"),
    )
    report = workspace.read_json("report.json")
    return Sweep(
        workspace,
        outcome,
        board_of(workspace),
        (workspace.folder / "events.txt").read_text(encoding="utf-8").splitlines(),
        [each["nodeid"] for each in report["tests"]],
    )


def test_one_that_fails_is_reported_and_the_others_are_measured(sweep: Sweep) -> None:
    assert sweep.outcome.returncode == FAILED, sweep.outcome.output
    assert names(sweep.board) == {"small", "wide"}
    (failed,) = sweep.board["not_measured"]
    assert (failed["name"], failed["status"]) == ("broken", "failed")
    assert "nan" in failed["reason"].lower() or "finite" in failed["reason"].lower()
    assert sweep.board["gate"] == "fail"
    assert f"failed: broken, student {failed['student']}" in sweep.outcome.output.replace("\n", " ")


def test_each_student_has_its_files(sweep: Sweep) -> None:
    folder = sweep.workspace.folder / "metrics"
    for name in ("small", "wide"):
        document = sweep.workspace.document(f"metrics/{name}")
        assert document["student"]["reference"].endswith(name.replace("small", "student"))
        assert document["teacher"]["accuracy"]["accuracy"] is not None
        assert document["run"]["options"]["--metrics-dir"] == str(folder / name)
        assert (folder / name / "comparison_results.json").is_file()
        assert len(list((folder / name / "history").iterdir())) == 1
    assert not (folder / "broken").exists()
    assert not (folder / "distillation_metrics.json").exists()


def test_the_teacher_is_measured_once(sweep: Sweep) -> None:
    assert sweep.events.count("answers teacher") == 1
    assert sweep.events.count("card teacher") == 1
    assert sweep.events.count("answers student") == 3


def test_tests_of_the_teacher_alone_are_there_once(sweep: Sweep) -> None:
    (teachers,) = (each for each in sweep.order if "test_size[" in each and "teacher" in each)
    students = [each for each in sweep.order if "test_size[" in each and "-student" in each]
    assert len(students) == 3
    assert teachers.endswith("test_size[small-teacher]")


def test_each_students_tests_stand_together_whatever_reorders_them(sweep: Sweep) -> None:
    names = ("small", "broken", "wide")
    found = [name for each in sweep.order for name in names if f"[{name}" in each]
    assert found == sorted(found, key=names.index)
    assert set(found) == set(names)


def test_a_users_own_tests_run_for_each(sweep: Sweep) -> None:
    assert [each for each in sweep.order if "test_mine" in each] == [
        f"own/test_own.py::test_mine[{name}]" for name in ("small", "broken", "wide")
    ]
    assert sweep.order.count("own/test_own.py::test_of_nobody") == 1


def test_the_documents_are_those_of_each_alone(sweep: Sweep, tiny: Tiny) -> None:
    alone = sweep.workspace.quick(
        *tiny.options(metrics_dir="alone"), "-k", "accuracy or size or agreement", "benchmarks"
    )
    assert alone.returncode in (PASSED, FAILED), alone.output
    document = sweep.workspace.document("alone")
    together = sweep.workspace.document("metrics/small")
    for section in ("size", "accuracy"):
        for role in ("teacher", "student"):
            assert document[role][section] == together[role][section]
    assert document["distillation"]["fidelity"] == together["distillation"]["fidelity"]


def test_pairs_of_students_are_tested(sweep: Sweep) -> None:
    (pair,) = sweep.board["pairs"]
    assert {pair["first"], pair["second"]} == {1, 2}
    assert pair["sources_known"] is True
    best, second = sweep.board["runs"]
    assert best["figures"]["accuracy"]["value"] >= second["figures"]["accuracy"]["value"]
    assert best["path"] == f"{best['name']}/distillation_metrics.json"


def test_a_fixture_asked_for_by_its_name_alone_is_refused(sweep: Sweep) -> None:
    assert "with several students a test must name this fixture" in sweep.outcome.output


# Who the students are.


def test_the_option_given_twice(workspace: Workspace, tiny: Tiny, wide: Path) -> None:
    outcome = workspace.quick(*tiny.options(), f"--student-model={wide}", "-m", "size")
    assert outcome.returncode == FAILED, "a student of the teacher's size saves nothing"
    assert not outcome.loaded_heavy
    board = board_of(workspace)
    assert names(board) == {"student", "wide"}
    gates = {run["name"]: run["gate"] for run in board["runs"]}
    assert gates == {"student": "pass", "wide": "fail"}
    assert "gate: fail; fails for wide" in outcome.output


def test_a_file_of_one_student_has_the_same_folders(workspace: Workspace, tiny: Tiny) -> None:
    file = students_file(workspace, only=tiny.student)
    outcome = workspace.quick(*options(tiny, file), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert workspace.document("metrics/only")["verdict"]["gate"] == "pass"
    assert board_of(workspace)["gate"] == "pass"


def test_relative_references_start_from_the_file(
    workspace: Workspace, tiny: Tiny, tmp_path: Path
) -> None:
    shutil.copytree(tiny.student, tmp_path / "sweep" / "s")
    (tmp_path / "sweep" / "list.toml").write_text('[[student]]\nreference = "s"\n')
    outcome = workspace.quick(*options(tiny, tmp_path / "sweep" / "list.toml"), "-m", "size")
    assert outcome.returncode == PASSED, outcome.output
    assert names(board_of(workspace)) == {"s"}


def test_the_command_line_beats_the_ini_file(workspace: Workspace, tiny: Tiny, wide: Path) -> None:
    file = students_file(workspace, a=tiny.student, b=wide)
    workspace.add_ini(distill_students="students.toml")
    assert workspace.quick(*tiny.options(), "-m", "size").returncode == PASSED
    assert workspace.document()["student"]["reference"] == str(tiny.student)
    outcome = workspace.quick(*tiny.options(), f"--distill-students={file}", "-m", "size")
    assert outcome.returncode == USAGE_ERROR
    assert "exclude each other" in outcome.output


REFUSED = {
    "an unknown key": ('[[student]]\nreference = "{s}"\nnmae = "x"', "did you mean 'name'?"),
    "one name twice": (
        '[[student]]\nreference = "{s}"\nname = "x"\n[[student]]\nreference = "{t}"\nname = "X"',
        "two students are called",
    ),
    "one model twice": (
        '[[student]]\nreference = "{s}"\n[[student]]\nreference = "{s}"',
        "a student is given twice",
    ),
    "bad thresholds": (
        '[[student]]\nreference = "{s}"\n[student.criteria.accuraci]\ngood = 1\npoor = 0',
        "did you mean 'accuracy'?",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_with_the_file_is_said_before_any_measuring(
    case: str, workspace: Workspace, tiny: Tiny
) -> None:
    text, said = REFUSED[case]
    file = workspace.write("students.toml", text.format(s=tiny.student, t=tiny.teacher))
    outcome = workspace.quick(*options(tiny, file))
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for part in ("got:", "wanted:", "next:", said):
        assert part in outcome.output
    assert not outcome.loaded_heavy
    assert not (workspace.folder / "metrics").exists()
    looked = workspace.quick(*options(tiny, file), "--collect-only", "-q")
    assert looked.returncode == PASSED, "the error is said when the suite is to run"


def test_one_that_leads_nowhere_is_reported(workspace: Workspace, tiny: Tiny, wide: Path) -> None:
    file = students_file(workspace, a=tiny.student, gone="runs/nowhere", b=tiny.student)
    outcome = workspace.quick(*options(tiny, file), "-m", "size")
    assert outcome.returncode == FAILED, outcome.output
    assert "student gone is left out" in outcome.output
    assert outcome.output.count("runs/nowhere") >= 2
    board = board_of(workspace)
    assert names(board) == {"a", "b"}
    (missing,) = board["not_measured"]
    assert (missing["name"], missing["status"]) == ("gone", "failed")
    assert "1 error" in outcome.output, "one test tells of it and the others are skipped"


def test_none_that_can_be_used_is_a_usage_error(workspace: Workspace, tiny: Tiny) -> None:
    file = students_file(workspace, a="runs/nowhere", b="runs/neither")
    outcome = workspace.quick(*options(tiny, file), "-m", "size")
    assert outcome.returncode == USAGE_ERROR
    assert "runs/nowhere" in outcome.output
    assert not (workspace.folder / "metrics").exists()


def test_a_fault_of_the_teachers_is_every_students(
    workspace: Workspace, tiny: Tiny, wide: Path
) -> None:
    file = students_file(workspace, a=tiny.student, b=wide)
    outcome = workspace.quick(*options(tiny, file, teacher_model="./nowhere"), "-m", "size")
    assert outcome.returncode == USAGE_ERROR
    assert not (workspace.folder / "metrics").exists()


# Their own thresholds.


def test_each_is_held_to_its_own_thresholds(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write(
        "thresholds.toml",
        "[criteria.size_reduction_pct]\ngood = 50\npoor = 30\n"
        '[student."b".criteria.size_reduction_pct]\ngood = 99.9\npoor = 99\n',
    )
    file = workspace.write(
        "students.toml",
        "".join(f'[[student]]\nreference = "{tiny.student}"\nname = "{n}"\n' for n in "abc")
        + "[student.criteria.parameter_reduction_pct]\ngood = 99.9\npoor = 1\n",
    )
    looked = workspace.quick(*options(tiny, file), "-m", "size", "--collect-only", "-q")
    found = [line.split("::")[1] for line in looked.output.splitlines() if "criterion" in line]
    assert sorted(found) == [
        "test_criterion[a-size_reduction_pct]",
        "test_criterion[b-size_reduction_pct]",
        "test_criterion[c-parameter_reduction_pct]",
        "test_criterion[c-size_reduction_pct]",
    ]
    outcome = workspace.quick(*options(tiny, file), "-m", "size")
    assert outcome.returncode == FAILED
    judged = {
        name: {
            each["metric"]: each["grade"]
            for each in workspace.document(f"metrics/{name}")["verdict"]["criteria"]
        }
        for name in "abc"
    }
    assert judged["a"] == {"size_reduction_pct": "good"}
    assert judged["b"] == {"size_reduction_pct": "poor"}
    assert judged["c"] == {
        "size_reduction_pct": "good",
        "parameter_reduction_pct": "acceptable",
    }


def test_a_control_of_ones_own(workspace: Workspace, tiny: Tiny, wide: Path) -> None:
    file = workspace.write(
        "students.toml",
        f'[[student]]\nreference = "{tiny.student}"\nname = "a"\ncontrol = "{tiny.student}"\n'
        f'[[student]]\nreference = "{wide}"\nname = "b"\n',
    )
    looked = workspace.quick(*options(tiny, file), "--collect-only", "-q")
    assert "test_size[a-control]" in looked.output
    assert "test_size[b-control]" not in looked.output
    outcome = workspace.quick(*options(tiny, file), "-m", "size")
    assert outcome.returncode == FAILED, "b saves nothing"
    assert workspace.document("metrics/a")["control"]["reference"] == str(tiny.student)
    assert workspace.document("metrics/b")["control"] is None


# Partial, interrupted, resumed.


def test_a_selection_by_a_students_name(workspace: Workspace, tiny: Tiny, wide: Path) -> None:
    file = students_file(workspace, first=tiny.student, second=wide)
    outcome = workspace.quick(*options(tiny, file), "-m", "size", "-k", "second")
    assert outcome.returncode == FAILED
    board = board_of(workspace)
    assert names(board) == {"second"}
    (left,) = board["not_measured"]
    assert (left["name"], left["status"]) == ("first", "not_selected")
    assert workspace.document("metrics/second")["teacher"]["size"]["disk_bytes"] > 0


INTERRUPTING = """
import os

def pytest_runtest_call(item):
    if os.path.exists("interrupt") and "[b-student]" in item.nodeid:
        raise KeyboardInterrupt
"""


@pytest.fixture
def three(workspace: Workspace, tiny: Tiny) -> list[str]:
    """Options of a run of three students that takes no model, which may be interrupted at b."""
    workspace.write("conftest.py", INTERRUPTING)
    file = students_file(workspace, a=tiny.student, b=tiny.student, c=tiny.student)
    return [*options(tiny, file), "-m", "size"]


def test_an_interrupted_session_resumes_with_the_rest(
    workspace: Workspace, three: list[str]
) -> None:
    workspace.write("interrupt", "")
    outcome = workspace.quick(*three)
    assert outcome.returncode == INTERRUPTED, outcome.output
    board = board_of(workspace)
    assert board["interrupted"] is True
    assert board["gate"] == "fail"
    assert [each["status"] for each in board["not_measured"]] == ["not_reached"]
    assert workspace.document("metrics/b")["run"]["interrupted"] is True
    first = workspace.document("metrics/a")
    (workspace.folder / "interrupt").unlink()

    resumed = workspace.quick(*three, "--distill-resume")
    assert resumed.returncode == PASSED, resumed.output
    assert workspace.document("metrics/a") == first
    assert workspace.document("metrics/b")["run"]["interrupted"] is False
    board = board_of(workspace)
    assert {run["name"]: run["status"] for run in board["runs"]} == {
        "a": "kept",
        "b": "measured",
        "c": "measured",
    }
    assert (board["gate"], board["not_measured"]) == ("pass", [])


def test_of_one_student_nothing_is_resumed(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(), "--distill-resume", "-m", "size")
    assert outcome.returncode == USAGE_ERROR
    assert "--distill-resume has no effect in this run" in outcome.output


def test_without_the_option_all_are_measured_again(workspace: Workspace, three: list[str]) -> None:
    workspace.quick(*three)
    first = workspace.document("metrics/a")
    assert workspace.quick(*three).returncode == PASSED
    assert workspace.document("metrics/a")["created_at"] > first["created_at"]


CHANGES = {
    "an option": lambda workspace, tiny: ["--distill-seed=7"],
    "the tests": lambda workspace, tiny: ["-k", "size_reduction"],
    "the document": lambda workspace, tiny: _rewrite(workspace),
    "the thresholds": lambda workspace, tiny: _stricter(workspace),
}


def _rewrite(workspace: Workspace) -> list[str]:
    path = workspace.folder / "metrics" / "a" / "distillation_metrics.json"
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    return []


def _stricter(workspace: Workspace) -> list[str]:
    workspace.write("thresholds.toml", "[criteria.size_reduction_pct]\ngood = 60\npoor = 20\n")
    return []


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_measured_again(
    change: str, workspace: Workspace, three: list[str], tiny: Tiny
) -> None:
    assert workspace.quick(*three).returncode == PASSED
    more = CHANGES[change](workspace, tiny)
    outcome = workspace.quick(*three, "--distill-resume", *more)
    assert outcome.returncode == PASSED, outcome.output
    statuses = {run["name"]: run["status"] for run in board_of(workspace)["runs"]}
    assert statuses["a"] == "measured"
    if change == "the document":
        assert statuses["b"] == "kept"


def test_a_kept_students_failing_gate_still_fails(
    workspace: Workspace, tiny: Tiny, wide: Path
) -> None:
    file = students_file(workspace, a=tiny.student, wide=wide)
    assert workspace.quick(*options(tiny, file), "-m", "size").returncode == FAILED
    outcome = workspace.quick(*options(tiny, file), "-m", "size", "--distill-resume")
    assert outcome.returncode == FAILED, outcome.output
    assert "its gate failed" in outcome.output
    assert {run["status"] for run in board_of(workspace)["runs"]} == {"kept"}
