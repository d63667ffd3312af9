"""What the wheel carries."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.plugin.workspace import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_file)


def test_the_suite_and_its_thresholds_travel(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    suite = {f"distill_fixtures/suite/{path.name}" for path in (ROOT / "benchmarks").glob("*.py")}
    assert len(suite) >= 8
    assert "distill_fixtures/suite/__init__.py" in suite, "pytest finds no package without it"
    assert suite <= names
    assert wheel.read("distill_fixtures/thresholds.toml") == (ROOT / "thresholds.toml").read_bytes()


TRAVELLING = (
    *("*.py", "*.toml", "*.safetensors", "*.json", "*.jsonl", "*.j2", "*.css"),
    "py.typed",
)


def test_every_file_of_the_package_travels(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    package = ROOT / "distill_fixtures"
    wanted = {
        str(path.relative_to(ROOT)) for suffix in TRAVELLING for path in package.rglob(suffix)
    }
    assert "distill_fixtures/py.typed" in wanted
    assert "distill_fixtures/catalog.toml" in wanted
    assert "distill_fixtures/report/distillation_metrics.schema.json" in wanted
    assert "distill_fixtures/report/html/templates/report.html.j2" in wanted
    assert "distill_fixtures/report/html/templates/style.css" in wanted
    assert wanted <= names


def test_the_built_in_models_and_questions_travel(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for role in ("teacher", "student", "control", "poor"):
        assert any(
            name.startswith(f"distill_fixtures/demo/{role}/") and name.endswith(".safetensors")
            for name in names
        ), role
    assert "distill_fixtures/demo/questions.jsonl" in names


def test_nothing_else_travels(wheel: zipfile.ZipFile) -> None:
    tops = {Path(name).parts[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"distill_fixtures"}
    assert not any("__pycache__" in name or "/tests/" in name for name in wheel.namelist())


def test_the_entry_point(wheel: zipfile.ZipFile) -> None:
    (name,) = (each for each in wheel.namelist() if each.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    assert "[pytest11]\ndistill_fixtures.plugin = distill_fixtures.plugin" in text
    assert "distill-bench = distill_fixtures.cli:main" in text
