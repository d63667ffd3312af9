"""What the suite costs: collection, the plugin in a foreign test run, a whole run.

    python -m studies.costs            collection and plugin
    python -m studies.costs --run      also a whole run on the built-in models

Prints medians of several runs; a figure is of the whole process, start of Python included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
RUNS = 11


def seconds_of(command: Sequence[str], folder: Path) -> float:
    """Wall seconds of one run that has to succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def collection_s() -> float:
    """Median seconds of ``pytest --collect-only -q``."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    return statistics.median(seconds_of(command, ROOT) for _ in range(RUNS))


def plugin_cost_s() -> float:
    """Median of paired differences: a one-test run with the plugin, less one without it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_one.py").write_text("def test_one():\n    assert True\n", encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        with_it = [sys.executable, "-m", "pytest", "-q"]
        without = [*with_it, "-p", "no:distill_fixtures.plugin"]
        differences = []
        for index in range(2 * RUNS):
            pair = [with_it, without] if index % 2 else [without, with_it]
            times = {id(command): seconds_of(command, folder) for command in pair}
            differences.append(times[id(with_it)] - times[id(without)])
    return statistics.median(differences)


def whole_run() -> tuple[float, int]:
    """Seconds of a run on the built-in models, and the highest resident memory of its largest
    process, polled every 50 ms."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "pytest", "-q", f"--metrics-dir={name}"]
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        peak = 0
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            for each in [watched, *_children(watched)]:
                try:
                    peak = max(peak, each.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.05)
        if process.returncode != 0:
            raise SystemExit(f"the run ended with exit status {process.returncode}")
        return time.perf_counter() - start, peak


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", action="store_true", help="also time a whole run")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}")
    print(f"collection:                   {collection_s():.2f} s (median of {RUNS})")
    print(f"plugin in a foreign test run: {1000 * plugin_cost_s():.0f} ms (median of {2 * RUNS})")
    if given.run:
        seconds, peak = whole_run()
        print(f"a run on the built-in models: {seconds:.0f} s, {peak / 1e6:.0f} MB at its peak")


if __name__ == "__main__":
    main()
