"""Which students an earlier run finished, so that ``--distill-resume`` leaves them out.

A student that was measured to its end leaves a note beside its document: a digest of all that the
document hangs on (contents of the models, questions, options, thresholds, tests, versions,
machine), and one of the document itself. Where both are still the same the document stands.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill_fixtures.errors import DistillBenchError, ResultFileError
from distill_fixtures.models.folders import runs_code_from_elsewhere
from distill_fixtures.models.identity import digest_of_plan
from distill_fixtures.models.references import fetch
from distill_fixtures.options.table import option_named
from distill_fixtures.plugin.options import options_in_force
from distill_fixtures.report.environment import describe_environment
from distill_fixtures.report.json_files import METRICS_FILE, write_json
from distill_fixtures.report.reading import read_document
from distill_fixtures.tasks.input_file import read_bytes, utf8_text

if TYPE_CHECKING:
    from distill_fixtures.models.file_digests import FileDigests
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.plugin.student_run import StudentRun

__all__ = ["NOTE_FILE", "kept_document", "note_finished"]

NOTE_FILE = "finished.json"
MOST_NOTE_BYTES = 2**16
WITHOUT_EFFECT = frozenset(
    option_named(field).flag
    for field in (
        *("students", "resume", "metrics_dir", "score_cache", "no_score_cache", "rehash"),
        *("estimate", "estimate_on"),
    )
)
"""Options that change no figure; who the students are is told by their models."""


def note_finished(run: StudentRun, digests: FileDigests, rootpath: Path) -> None:
    """Note that a student was measured to its end; its document is written."""
    key = _key(run, digests, rootpath)
    folder = run.student.config.metrics_dir
    if key is None:
        (folder / NOTE_FILE).unlink(missing_ok=True)
        return
    document = hashlib.sha256((folder / METRICS_FILE).read_bytes()).hexdigest()
    write_json(folder / NOTE_FILE, {"key": key, "document": document})


def kept_document(run: StudentRun, digests: FileDigests, rootpath: Path) -> dict[str, Any] | None:
    """The document of an earlier run that finished this student by the same options.

    Reads the model's files for their digests, but for those whose digests are kept.

    Returns:
        None where there is none, or where anything that it hangs on is not surely the same.
    """
    folder = run.student.config.metrics_dir
    note = _note(folder / NOTE_FILE)
    if note is None:
        return None
    try:
        document = read_document(folder / METRICS_FILE)
    except ResultFileError:
        return None  # nothing that could be kept: the student is measured
    written = hashlib.sha256((folder / METRICS_FILE).read_bytes()).hexdigest()
    if note.get("document") != written:
        return None
    key = _key(run, digests, rootpath)
    return document if key is not None and note.get("key") == key else None


def _note(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = read_bytes(path, limit_bytes=MOST_NOTE_BYTES, error=ResultFileError)
        note = json.loads(utf8_text(content, str(path), error=ResultFileError))
    except (ResultFileError, ValueError, RecursionError):
        return None  # half of a note is none: the student is measured
    return note if isinstance(note, dict) else None


def _key(run: StudentRun, digests: FileDigests, rootpath: Path) -> str | None:
    """Digest of all that a student's document hangs on; None where not all of it can be told."""
    config, store = run.student.config, run.store
    try:
        models = {
            role: _digest_of_model(plan, run, digests) for role, plan in store.inputs.plans.items()
        }
    except DistillBenchError:
        return None
    if None in models.values():
        return None
    options = options_in_force(config)
    thresholds, baseline = store.inputs.thresholds, store.inputs.baseline
    environment, _ = describe_environment(
        device=config.device, dtype=config.dtype, rootpath=rootpath
    )
    hung_on = {
        "models": models,
        "references": [config.teacher, config.student, config.control],
        "dataset": [store.questions.digest, store.scoring, store.prompt_digest],
        "options": {flag: options[flag] for flag in sorted(options.keys() - WITHOUT_EFFECT)},
        "criteria": [asdict(criterion) for criterion in run.judge.criteria],
        "gate": asdict(thresholds.gate),
        "tolerances": dict(thresholds.regression_tolerance_pct),
        "baseline": None if baseline is None else baseline.document,
        "tests": sorted(run.own_tests),
        "versions": environment.versions,
        "machine": environment.machine,
    }
    text = json.dumps(hung_on, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of_model(plan: ModelPlan, run: StudentRun, digests: FileDigests) -> str | None:
    """Of a model's content; None where its files do not tell all that it does.

    A server may run another model tomorrow, and code from elsewhere may be other code.
    """
    config = run.student.config
    local = fetch(plan, base_model=config.base_model, allow_pickle=config.allow_pickle)
    if local.served is not None or runs_code_from_elsewhere(local):
        return None
    return digest_of_plan(local, digests)
