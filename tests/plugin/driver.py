"""Runs pytest in a process of its own and notes the exit code and what was imported.

``python driver.py REPORT ARGUMENTS...`` is one run in a fresh process. ``python driver.py --serve
light`` reads orders from its standard input, one JSON object a line, and forks for each: the child
starts with the small libraries imported, so that a run that loads no model takes a fraction of a
second.
With ``--serve heavy`` torch and transformers are imported too, for runs that load tiny models.

The runs see no counters of the machine: tests share it with much else, and would be judged by that.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.measure.machine.watch import MachineRecord

# What the suite needs to check its input; none of it is torch, and none of it is the plugin, whose
# imports belong to the run under test.
PRELOADED = (
    "scipy.optimize",
    "scipy.stats",
    "distill_fixtures.judge.thresholds",
    "distill_fixtures.report.assemble",
    "distill_fixtures.report.terminal",
    "distill_fixtures.report.html.files",
    "jinja2",
)
HEAVY = (
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "peft",
)


def run_here(arguments: list[str], report: Path) -> int:
    """Run pytest in this process and write the report."""
    begun_s = time.process_time()
    status = int(pytest.main(arguments))
    found = {
        "returncode": status,
        "modules": sorted(sys.modules),
        "processor_s": time.process_time() - begun_s,
    }
    report.write_text(json.dumps(found), encoding="utf-8")
    return status


def serve(kind: str) -> None:
    """Answer orders until the input ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    if kind == "heavy":
        from distill_fixtures.measure.processes.code_imports import rehearse

        for name in HEAVY:
            importlib.import_module(name)
        rehearse("cpu")  # with one thread none is started, so that forking stays safe
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _obey(order)
        os.waitpid(child, 0)
        print("done", flush=True)


def _obey(order: dict[str, Any]) -> None:
    """In the child: never returns."""
    status = 70
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        os.chdir(order["folder"])
        status = run_here(order["arguments"], Path(order["report"]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    MachineRecord.ROOT = Path(__file__).with_name("no_such_machine")
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    else:
        sys.exit(run_here(sys.argv[2:], Path(sys.argv[1])))
