"""How near an estimate comes to the run that it foretells, in time and in memory.

    python -m studies.estimate_check                      the built-in pair, and a real model
    python -m studies.estimate_check --pair demo          one of them
    python -m studies.estimate_check --distill-limit=40 --distill-max-seconds=10

For each pair `pytest --distill-estimate` and then the run itself, each in a fresh process and with
a score cache of its own, which is empty. The real pair is SmolLM2-135M-Instruct and its first 12
layers. Peak memory is that of the process that runs pytest, polled. Options that are not the
study's are both runs'.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from studies.dropped_layers import dropped_layers_folder
from studies.estimate_listener import NOTE_VARIABLE
from studies.real_model import real_model_folder
from studies.study_page import PAGES, ROOT, markdown_table, say, setting, write_page

NAME = "estimate_check"
PACKAGES = ("distill-bench", "torch", "transformers", "pytest")
POLL_S = 0.05
WANTED = 0.25
PAIRS = {"demo": "the built-in pair", "smollm2": "SmolLM2-135M-Instruct and its first 12 layers"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one process did.

    Attributes:
        wall_s: its life.
        peak_bytes: its highest resident memory, polled; children left out.
        note: what the listener wrote.
    """

    wall_s: float
    peak_bytes: int
    note: dict[str, object]


@dataclass(frozen=True, slots=True)
class Checked:
    """An estimate beside its run."""

    pair: str
    estimate: Outcome
    run: Outcome

    @property
    def time_ratio(self) -> float:
        return _number(self.estimate.note["seconds"]) / self.run.wall_s

    @property
    def memory_ratio(self) -> float:
        return _number(self.estimate.note["peak_bytes"]) / self.run.peak_bytes


def watched(options: Sequence[str], folder: Path) -> Outcome:
    """One pytest run in a fresh process; whether criteria hold does not matter here.

    Raises:
        SystemExit: it ended otherwise than by its tests.
    """
    folder.mkdir()
    note = folder / "note.json"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "studies.estimate_listener"),
        *("--distill-score-cache", str(folder / "cache"), "--metrics-dir", str(folder / "metrics")),
        *options,
    ]
    start, peak = time.perf_counter(), 0
    with (folder / "output.txt").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {NOTE_VARIABLE: str(note)},
        )
        own = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, own.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(POLL_S)
    wall_s = time.perf_counter() - start
    if process.wait() not in (0, 1) or not note.is_file():
        raise SystemExit((folder / "output.txt").read_text(encoding="utf-8"))
    return Outcome(wall_s, peak, json.loads(note.read_text(encoding="utf-8")))


def checked(pair: str, more: Sequence[str], folder: Path) -> Checked:
    """Estimate a pair's run, and run it."""
    options = list(more)
    if pair == "smollm2":
        teacher = real_model_folder()
        student = dropped_layers_folder(teacher, 12)
        options += ["--teacher-model", str(teacher), "--student-model", str(student)]
    estimate = watched([*options, "--distill-estimate"], folder / f"{pair}-estimate")
    say(f"{PAIRS[pair]}: {_number(estimate.note['seconds']):.0f} s estimated")
    run = watched(options, folder / f"{pair}-run")
    found = Checked(pair, estimate, run)
    say(
        f"{PAIRS[pair]}: {run.wall_s:.0f} s in fact, ratio {found.time_ratio:.2f}; memory "
        f"{found.memory_ratio:.2f}"
    )
    return found


def page(found: Sequence[Checked], asked: str) -> list[str]:
    lines = ["# An estimate and its run", "", *setting(*PACKAGES), ""]
    lines += [
        "`pytest --distill-estimate`, then the run itself, each in a fresh process and with an "
        f"empty score cache. `python -m studies.estimate_check{asked}` makes this page. "
        f"Wanted: within {100 * WANTED:.0f} % in time and memory.",
        "",
    ]
    head = ["pair", "", "estimated", "in fact", "estimated / in fact"]
    rows = []
    for each in found:
        seconds = _number(each.estimate.note["seconds"])
        peak = _number(each.estimate.note["peak_bytes"])
        rows += [
            [
                PAIRS[each.pair],
                "time",
                f"{seconds:.0f} s",
                f"{each.run.wall_s:.0f} s",
                f"{each.time_ratio:.2f}",
            ],
            [
                PAIRS[each.pair],
                "peak memory",
                f"{peak / 1e6:.0f} MB",
                f"{each.run.peak_bytes / 1e6:.0f} MB",
                f"{each.memory_ratio:.2f}",
            ],
        ]
    lines += markdown_table(head, rows)
    for each in found:
        lines += ["", f"## {PAIRS[each.pair]}, part by part", ""]
        estimated, real = _parts(each.estimate), _parts(each.run)
        lines += markdown_table(
            ["part", "estimated, s", "in fact, s"],
            [
                [name, f"{seconds:.1f}", f"{real[name]:.1f}" if name in real else ""]
                for name, seconds in estimated.items()
            ],
        )
        lines += [
            "",
            f"The estimate itself took {each.estimate.wall_s:.0f} s. Loading the first model holds "
            "the import of libraries in the run.",
        ]
    return lines


def _parts(outcome: Outcome) -> dict[str, float]:
    parts = outcome.note["parts"]
    assert isinstance(parts, dict)
    return {name: seconds for name, seconds in parts.items() if seconds is not None}


def _number(value: object) -> float:
    assert isinstance(value, (int, float)), value
    return float(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=[*PAIRS], help="one pair alone")
    parser.add_argument("--page-folder", type=Path, default=PAGES, help="where the page goes")
    given, more = parser.parse_known_args()
    asked = "".join(f" {each}" for each in more)
    pairs = [*PAIRS] if given.pair is None else [given.pair]
    with tempfile.TemporaryDirectory() as name:
        found = [checked(pair, more, Path(name)) for pair in pairs]
    raw = {
        each.pair: asdict(each) | {"time_ratio": each.time_ratio, "memory_ratio": each.memory_ratio}
        for each in found
    }
    write_page(NAME, page(found, asked), raw, folder=given.page_folder)


if __name__ == "__main__":
    main()
