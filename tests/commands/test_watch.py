"""``distill-bench watch``: waits, then runs pytest and ends as it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from distill_fixtures.commands import watch
from distill_fixtures.training import watcher
from distill_fixtures.training.order import Pace
from tests.commands.written_runs import output_of
from tests.training.made_up_training import Played

UNUSABLE = 4
GONE = str(2**22 + 1)
"""Beyond the highest number that Linux gives a process."""
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run, quickly believed."""
    monkeypatch.setattr(
        watcher, "Pace", lambda: Pace(rest_s=0.05, rest_of_checkpoint_s=0.1, long_rest_s=0.2)
    )
    return finished(tmp_path)


def finished(place: Path) -> Path:
    run = Played(place / "run")
    run.folder.mkdir()
    run.checkpoint(0, 10).checkpoint(5, 20, best_model_checkpoint="x/checkpoint-10")
    return run.written()


@pytest.fixture
def given_to_pytest(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What pytest was called with, in its place."""
    found: list[str] = []

    def note(arguments: Sequence[str]) -> int:
        found.extend(arguments)
        return 1

    monkeypatch.setattr(watch, "_exit_code_of_pytest", note)
    return found


def test_pytest_gets_the_model_and_its_arguments(
    folder: Path, given_to_pytest: list[str], capsys: Capture
) -> None:
    words = ("--pid", GONE, "--", "-m", "size", "--distill-limit=3", "--", "tests")
    code, out, err = output_of(capsys, "watch", folder, *words)
    assert (code, out) == (1, "")
    model = folder / "checkpoint-20"
    wanted = ["-m", "size", "--distill-limit=3", "--", "tests"]
    assert given_to_pytest == [f"--student-model={model}", *wanted]
    assert f"the student is {model}: checkpoint-20, the newest" in err


@pytest.mark.parametrize("arguments", [(), ("--",)])
def test_without_arguments(
    arguments: tuple[str, ...], folder: Path, given_to_pytest: list[str], capsys: Capture
) -> None:
    output_of(capsys, "watch", folder, *arguments)
    assert given_to_pytest == [f"--student-model={folder / 'checkpoint-20'}"]


def test_the_best(folder: Path, given_to_pytest: list[str], capsys: Capture) -> None:
    output_of(capsys, "watch", folder, "--checkpoint", "best")
    assert given_to_pytest == [f"--student-model={folder / 'checkpoint-10'}"]


def test_quiet(folder: Path, given_to_pytest: list[str], capsys: Capture) -> None:
    assert output_of(capsys, "watch", folder, "-q")[2] == ""
    assert given_to_pytest


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--timeout", "soon"), "--timeout"),
        (("--pid", "0"), "--pid"),
        (("--pid", str(os.getpid())), "--pid"),
        (("--marker", "none/done"), "--marker"),
        (("--", "--student-model=x"), "--student-model"),
        (("--", "--distill-wait-for-training", "x"), "--distill-wait-for-training"),
        (("--", "--distill-checkpoint=best"), "--distill-checkpoint"),
        (("--", "--distill-students=sweep.toml"), "--distill-students"),
    ],
)
def test_what_is_wrong_is_said_before_waiting(
    words: tuple[str, ...],
    named: str,
    tmp_path: Path,
    given_to_pytest: list[str],
    capsys: Capture,
) -> None:
    code, _, err = output_of(capsys, "watch", tmp_path, *words)
    assert code == UNUSABLE
    assert err.startswith(named)
    for part in ("got:", "wanted:", "next:"):
        assert part in err
    assert not given_to_pytest


def test_a_time_out(folder: Path, given_to_pytest: list[str], capsys: Capture) -> None:
    (folder / "checkpoint-20" / "trainer_state.json").unlink()
    code, _, err = output_of(capsys, "watch", folder, "--timeout", "0.3")
    assert code == UNUSABLE
    assert "was not over in time" in err
    assert "within --timeout 0.3" in err
    assert f"--student-model {folder / 'checkpoint-10'}" in err
    assert not given_to_pytest


def test_a_run_that_died(folder: Path, given_to_pytest: list[str], capsys: Capture) -> None:
    for name in ("checkpoint-20/trainer_state.json", "checkpoint-20/model.safetensors"):
        (folder / name).unlink()
    code, _, err = output_of(capsys, "watch", folder, "--pid", GONE)
    assert code == UNUSABLE
    assert "ended before it was done" in err


TESTS = """
def test_student(request):
    assert request.config.getoption("distill_student") == [{student!r}]
"""


@pytest.mark.parametrize(("right", "code"), [(True, 0), (False, 1)])
def test_pytest_itself(right: bool, code: int, folder: Path) -> None:
    student = str(folder / "checkpoint-20") if right else "another"
    Path("test_own.py").write_text(TESTS.format(student=student), encoding="utf-8")
    words = ["-q", "-p", "no:cacheprovider", "test_own.py"]
    found = watch._exit_code_of_pytest([f"--student-model={folder / 'checkpoint-20'}", *words])
    assert found == code
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.slow
def test_an_interrupt_while_it_waits(tmp_path: Path) -> None:
    code = "from distill_fixtures.cli import main; raise SystemExit(main(['watch', 'later']))"
    waiting = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, cwd=tmp_path, text=True
    )
    assert waiting.stderr is not None
    assert "the folder is not there yet" in waiting.stderr.readline()
    time.sleep(0.2)
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "Traceback" not in err


def test_waiting_imports_neither_torch_nor_pytest(tmp_path: Path) -> None:
    finished(tmp_path)
    code = (
        "import sys; from distill_fixtures.commands import watch\n"
        "watch._exit_code_of_pytest = lambda arguments: 0\n"
        "from distill_fixtures.cli import main\n"
        f"status = main(['watch', 'run', '--pid', '{GONE}'])\n"
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    status, *modules = done.stdout.split()
    assert status == "0"
    assert not {"torch", "transformers", "peft", "pytest"} & set(modules)
