"""The import rules, held against the code."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "distill_fixtures"

FLOORS = {
    "errors": 0,
    "option_checks": 0,
    "catalog": 0,
    "config": 0,
    "options": 0,
    "records": 0,
    "metrics": 1,
    "tasks": 1,
    "demo": 1,
    "models": 2,
    "training": 3,
    "measure": 3,
    "estimate": 3,
    "scale": 4,
    "judge": 4,
    "report": 4,
    "plugin": 5,
    "commands": 5,
    "demo_build": 5,
    "cli": 6,
}
HEAVY = {"torch", "transformers", "peft", "matplotlib", "ray", "accelerate", "tokenizers"} | {
    "bitsandbytes",
    "torchao",
    "mlflow",
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_modules_are_found() -> None:
    assert len(MODULES) > 50


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Modules imported, and whether at the module's top level outside TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                joined = f"{node.module}.{alias.name}"
                # `from distill_fixtures.plugin import hookspecs` names a module by its last part.
                is_module = (ROOT / Path(*joined.split("."))).with_suffix(".py").exists()
                found.append((joined if is_module else node.module, id(node) in top))
    return found


def test_every_module_stands_on_a_floor() -> None:
    assert {part_of(path) for path in MODULES} == FLOORS.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    own = part_of(path)
    for name, _ in imports_of(path):
        if not name.startswith("distill_fixtures."):
            continue
        other = name.split(".")[1]
        if other == own or FLOORS[own] == FLOORS[other] == 0:
            continue  # the files of floor 0 share one folder
        assert FLOORS[other] < FLOORS[own], f"{path.name} (floor {FLOORS[own]}) imports {name}"
        assert other not in ("plugin", "demo_build")


def test_the_folders_of_measure_are_apart() -> None:
    """All that they know of each other is timing, which knows none of them."""
    known = set()
    for path in (PACKAGE / "measure").glob("*/*.py"):
        for name, _ in imports_of(path):
            if name.startswith("distill_fixtures.measure."):
                known.add((path.parent.name, name.split(".")[2]))
    assert {(one, other) for one, other in known if one != other} == {
        ("processes", "timing"),
        ("scores", "timing"),
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_and_private_imports(path: Path) -> None:
    for name, at_top in imports_of(path):
        root = name.partition(".")[0]
        assert root != "_pytest", f"{path.name} imports {name}: pytest's private parts"
        if root == "pytest":
            assert part_of(path) == "plugin", f"{path.name} imports pytest"
        if root in HEAVY:
            assert not at_top, f"{path.name} imports {name} when it is imported"


def modules_after(arguments: list[str]) -> set[str]:
    """Top-level modules that a pytest run has imported at its end."""
    code = f"""
        import sys, pytest
        status = pytest.main({arguments!r})
        print("IMPORTED", int(status), *sorted({{name.partition(".")[0] for name in sys.modules}}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1].split()
    assert last[:2] == ["IMPORTED", "0"], done.stdout + done.stderr
    return set(last[2:])


@pytest.mark.parametrize("arguments", [["--collect-only", "-q"], ["--help"]])
def test_looking_around_imports_nothing_heavy(arguments: list[str]) -> None:
    assert not modules_after(arguments) & HEAVY


def test_the_plugin_alone_imports_little() -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import distill_fixtures.plugin;"
        "print(*sorted({n.partition('.')[0] for n in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = HEAVY | {"numpy", "scipy", "pydantic", "rich", "jinja2", "psutil"}
    assert not set(done.stdout.split()) & heavy
