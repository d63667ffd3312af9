"""A project folder of its own, and pytest runs in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["HEAVY", "ROOT", "Outcome", "QuickStarter", "Workspace", "environment", "tree"]

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("driver.py")
HEAVY = frozenset(("torch", "transformers", "peft", "matplotlib"))
LONGEST_RUN_S = 570.0


@dataclass(frozen=True)
class Outcome:
    """How a run of pytest ended.

    Attributes:
        modules: names of all that was imported at its end, parts of packages too.
        processor_s: what it took of the processor, which does not hang on what else the machine
            does.
    """

    returncode: int
    output: str
    modules: frozenset[str]
    processor_s: float

    @property
    def loaded_heavy(self) -> frozenset[str]:
        return HEAVY & self.modules


# Plugins that a development environment holds and that take longer to import than a quick run.
SLOW_TO_IMPORT = ("anyio", "hypothesispytest")
# Away from the folders, in which nothing may change; shared, so that each file compiles once.
BYTECODE = tempfile.TemporaryDirectory(prefix="distill-bytecode-")
# In place of the user's: no test may read or leave scores there.
CACHE_HOME = tempfile.TemporaryDirectory(prefix="distill-cache-")


def environment() -> dict[str, str]:
    """The variables of this process, made quiet: one thread, no colour, no bytecode beside code."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "COV_", "PY_COLORS", "FORCE_COLOR", "GITHUB_"))
    }
    return kept | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPYCACHEPREFIX": BYTECODE.name,
        "XDG_CACHE_HOME": CACHE_HOME.name,
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "120",
    }


class QuickStarter:
    """Holds a process that forks for each run; see :mod:`driver`.

    Args:
        heavy: torch and transformers are imported before.
    """

    def __init__(self, *, heavy: bool = False) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER), "--serve", "heavy" if heavy else "light"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def run(self, arguments: list[str], folder: Path, report: Path, output: Path) -> None:
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "report": str(report),
            "output": str(output),
        }
        orders, answers = self._pipes()
        orders.write(json.dumps(order) + "\n")
        orders.flush()
        assert answers.readline() == "done\n", "the process that starts runs has died"

    def close(self) -> None:
        for pipe in self._pipes():
            pipe.close()
        self._process.wait(timeout=10)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


class Workspace:
    """A folder with the suite in it, as in a clone, and room for a user's own files.

    Runs in a fresh process keep their scores below ``cache_home``; quick ones share a folder.

    Args:
        folder: empty or not there yet.
        quick: starts runs that load no model.
        suite: False leaves the suite and its pytest.ini out: somebody else's repository.
    """

    def __init__(self, folder: Path, quick: QuickStarter, *, suite: bool = True) -> None:
        self.folder = folder
        self.cache_home = folder.with_name(folder.name + "_cache_home")
        self._notes = folder.with_name(folder.name + "_notes")
        self._notes.mkdir(parents=True)
        self._quick = quick
        folder.mkdir(exist_ok=True)
        if suite:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "benchmarks", folder / "benchmarks", ignore=ignored)
            shutil.copy(ROOT / "pytest.ini", folder)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def add_ini(self, **keys: object) -> None:
        """Add keys to pytest.ini, or make it."""
        path = self.folder / "pytest.ini"
        text = path.read_text(encoding="utf-8") if path.exists() else "[pytest]\n"
        lines = [f"{key} = {value}\n" for key, value in keys.items()]
        path.write_text(text + "".join(lines), encoding="utf-8")

    def quick(self, *arguments: object) -> Outcome:
        """A run that loads no model."""
        report, output = self._note_files()
        words = self._words(arguments)
        self._quick.run(words, self.folder, report, output)
        return self._outcome(report, output.read_text(encoding="utf-8"))

    def run(self, *arguments: object) -> Outcome:
        """A run in a fresh process."""
        report, output = self._note_files()
        with output.open("w", encoding="utf-8") as stream:
            subprocess.run(
                [sys.executable, str(DRIVER), str(report), *self._words(arguments)],
                cwd=self.folder,
                env=environment() | {"XDG_CACHE_HOME": str(self.cache_home)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=LONGEST_RUN_S,
            )
        return self._outcome(report, output.read_text(encoding="utf-8"))

    def document(self, folder: str = "metrics") -> dict[str, Any]:
        found: dict[str, Any] = self.read_json(f"{folder}/distillation_metrics.json")
        return found

    def read_json(self, name: str) -> Any:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} in {name}: no strict JSON")

        text = (self.folder / name).read_text(encoding="utf-8")
        return json.loads(text, parse_constant=refuse)

    def _words(self, arguments: tuple[object, ...]) -> list[str]:
        blocked = [word for name in SLOW_TO_IMPORT for word in ("-p", f"no:{name}")]
        return ["-p", "no:cacheprovider", *blocked, *map(str, arguments)]

    def _note_files(self) -> tuple[Path, Path]:
        number = len(list(self._notes.iterdir()))
        return self._notes / f"{number}.json", self._notes / f"{number}.txt"

    def _outcome(self, report: Path, output: str) -> Outcome:
        assert report.exists(), f"pytest did not come to its end:\n{output}"
        found = json.loads(report.read_text(encoding="utf-8"))
        modules = frozenset(found["modules"])
        return Outcome(found["returncode"], output, modules, found["processor_s"])


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
