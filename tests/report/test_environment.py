"""Where a run took place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from distill_fixtures.report import environment
from distill_fixtures.report.environment import describe_environment
from tests.report.made_up_run import ROOT


def test_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, pathlib\n"
        "from distill_fixtures.report.environment import describe_environment\n"
        "section, reasons = describe_environment(device=None, dtype=None, "
        "rootpath=pathlib.Path('/'))\n"
        "print(sorted({'torch', 'transformers', 'peft', 'matplotlib'} & set(sys.modules)))\n"
        "print(sorted(each for each in reasons if not each.startswith('machine_check.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "['device', 'dtype', 'git_commit', 'threads']"]


def test_the_git_commit(tmp_path: Path) -> None:
    section, reasons = describe_environment(device="cpu", dtype="float32", rootpath=tmp_path)
    assert section.git_commit is None
    assert str(tmp_path) in reasons["git_commit"]
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    section, reasons = describe_environment(device="cpu", dtype="float32", rootpath=tmp_path)
    assert section.git_commit == head
    assert "git_commit" not in reasons


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    section, reasons = describe_environment(device="cpu", dtype="float32", rootpath=ROOT)
    assert section.git_commit is None
    assert "git_commit" in reasons


def key(monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    device, dtype = changes.get("device", "cpu"), changes.get("dtype", "float32")
    with monkeypatch.context() as patch:
        if "cpu" in changes:
            patch.setattr(environment, "_cpu_name", lambda: changes["cpu"])
        if "torch" in changes:
            versions = {"python": "3.11", "torch": changes["torch"], "transformers": "5"}
            patch.setattr(environment, "_versions", lambda: versions)
        section, _ = describe_environment(device=device, dtype=dtype, rootpath=Path("/"))
    return section.comparability_key


def test_the_comparability_key_tells_machines_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = key(monkeypatch)
    assert usual == key(monkeypatch)
    others = [
        key(monkeypatch, device="cuda:0"),
        key(monkeypatch, dtype="bfloat16"),
        key(monkeypatch, cpu="another processor"),
        key(monkeypatch, torch="1.0"),
    ]
    assert len({usual, *others}) == 5


def test_what_it_says_of_this_machine() -> None:
    section, _ = describe_environment(device="cpu", dtype="float32", rootpath=ROOT)
    assert section.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert section.machine["memory_bytes"] > 0
    assert 1 <= section.machine["usable_cores"] <= section.machine["logical_cores"]
    available = section.machine_check.memory_available_bytes
    assert available is not None
    assert available <= section.machine["memory_bytes"]
