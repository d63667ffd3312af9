"""The wheel in an environment of its own: the suite and the fixtures in a user's folder."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.built_wheel import Installed
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import ROOT

pytestmark = pytest.mark.slow

PASSED, USAGE_ERROR = 0, 4
SUITE = ("--pyargs", "distill_fixtures.suite")
STRICT = ("--strict-markers", "--strict-config", "-W", "error::pytest.PytestWarning")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, wheel_file: Path) -> Installed:
    return Installed.make(tmp_path_factory.mktemp("installed") / "user", wheel_file)


def document(user: Installed, folder: str = "metrics") -> dict[str, Any]:
    path = user.folder / folder / "distillation_metrics.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_nothing_of_the_clone_is_used(user: Installed) -> None:
    code = "import distill_fixtures, torch; print(distill_fixtures.__file__)"
    done = user.run(user.bin / "python", "-P", "-c", code)
    assert Path(done.stdout.strip()).is_relative_to(user.site_packages), done.stdout


def test_the_whole_suite_in_an_empty_folder(user: Installed, tiny: Tiny) -> None:
    """The one line that README.md has, and what a user has of pytest's settings: none."""
    done = user.pytest(*SUITE, *STRICT, *tiny.options())
    assert "warnings summary" not in done.stdout or "DistillWarning" in done.stdout, done.stdout
    found = document(user)
    run = found["run"]
    assert run["tests_run"] == run["tests_selected"] > 30, done.stdout
    assert not run["partial"]
    assert run["options"]["--student-model"] == str(tiny.student)
    assert run["options"]["--metrics-dir"] == str(user.folder / "metrics")
    assert found["student"]["memory"]["model_memory_bytes"] > 0, "measured in a process of its own"
    wanted = tomllib.loads((ROOT / "thresholds.toml").read_text("utf-8"))["criteria"]
    criteria = {each["metric"]: each for each in found["verdict"]["criteria"]}
    assert criteria.keys() == wanted.keys(), "the thresholds that the package carries"
    assert all(criteria[name]["good"] == wanted[name]["good"] for name in wanted)
    assert done.returncode == (0 if found["verdict"]["gate"] == "pass" else 1), done.stdout
    of_others = {".venv", ".pytest_cache", ".benchmarks"}
    assert {path.name for path in user.folder.iterdir()} - of_others == {"metrics"}


def test_thresholds_and_settings_of_the_users_own(user: Installed, tiny: Tiny) -> None:
    files = {
        "thresholds.toml": "[criteria.size_reduction_pct]\ngood = 2.0\npoor = 1.0\n",
        "pytest.ini": f"[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n"
        f"distill_teacher_model = {tiny.teacher}\ndistill_metrics_dir = results\n",
    }
    for name, text in files.items():
        (user.folder / name).write_text(text, encoding="utf-8")
    try:
        done = user.pytest(*SUITE, "-m", "size", *tiny.options(teacher_model=None))
    finally:
        for name in files:
            (user.folder / name).unlink()
    assert done.returncode == PASSED, done.stdout
    found = document(user, "results")
    assert [each["metric"] for each in found["verdict"]["criteria"]] == ["size_reduction_pct"]
    assert found["teacher"]["reference"] == str(tiny.teacher)


OWN_TESTS = """
import pytest

from distill_fixtures.models.protocol import ScoreRequest


@pytest.mark.accuracy
def test_it_knows(student, questions):
    request = ScoreRequest("sum", "What is 1 plus 1?", (" 2", " 3"))
    (scored,) = student.score_many([request])
    assert len(scored.log_likelihoods) == 2
    assert len(questions.questions) == 40


def test_it_is_smaller(teacher, student, judge):
    assert student.card.parameters_total < teacher.card.parameters_total
    assert judge("size_reduction_pct").value > 0
"""


def test_the_fixtures_in_a_users_own_file(user: Installed, tiny: Tiny) -> None:
    (user.folder / "test_mine.py").write_text(OWN_TESTS, encoding="utf-8")
    done = user.pytest(*STRICT, *tiny.options(metrics_dir="own"), "test_mine.py")
    assert done.returncode == PASSED, done.stdout
    assert "2 passed" in done.stdout
    assert document(user, "own")["dataset"]["questions"] == 40


def test_a_users_own_file_beside_the_suite(user: Installed, tiny: Tiny) -> None:
    """Of the same name as one of the suite's."""
    (user.folder / "test_size.py").write_text("def test_mine():\n    pass\n", encoding="utf-8")
    options = tiny.options(metrics_dir="both")
    done = user.pytest(*SUITE, "test_size.py", "-v", *STRICT, *options, "-k", "test_size")
    assert done.returncode == PASSED, done.stdout
    assert "test_size.py::test_mine PASSED" in done.stdout
    assert "suite/test_size.py::test_size[student] PASSED" in done.stdout


def test_the_command(user: Installed) -> None:
    done = user.run(user.bin / "distill-bench", "--help")
    assert done.returncode == PASSED
    assert "usage: distill-bench" in done.stdout
