"""The whole suite on every kind of model that a distiller brings."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.plugin.export import check_document
from studies.real_model import gguf_file, why_absent
from tests.plugin.workspace import QuickStarter, Workspace
from tests.real_models.matrix import ADAPTED, CUT, DORA, TINY_BERT, TINY_T5, WHOLE, Shelf
from tests.real_models.servers import LLAMA_NAME, llama_server, why_no_llama

pytestmark = [pytest.mark.real_model, pytest.mark.every_kind]

PASSED, FAILED = 0, 1
QUESTIONS = 12
BEGIN = "<|im_start|>"


@dataclass(frozen=True)
class Row:
    """A pair of models, and what its document must say.

    Attributes:
        pair: references of teacher and student, from the shelf and a stack that ends servers.
        parameters: of the student, counted by hand; None: nobody can.
        trained: those that training updated; None: all of them.
        scoring: what ``auto`` comes to.
        data: further options.
        null: paths that must have a reason.
        needs: packages without which the row is skipped.
        questions: how many are asked.
    """

    pair: Callable[[Shelf, ExitStack], tuple[str | Path, str | Path]]
    parameters: int | None
    trained: int | None = None
    scoring: str = "cloze"
    data: Callable[[Shelf], tuple[str, ...]] = field(default=lambda shelf: ())
    null: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    questions: int = QUESTIONS


def _served(shelf: Shelf, stack: ExitStack) -> tuple[str, Path]:
    if reason := why_no_llama():
        pytest.skip(reason)
    url = stack.enter_context(llama_server(gguf_file()))
    return f"openai+{url}?model={LLAMA_NAME}&begin={BEGIN}", shelf.cut


ROWS = {
    "full, and its first layers": Row(lambda shelf, _: (shelf.whole, shelf.cut), CUT),
    "sharded": Row(lambda shelf, _: (shelf.cut, shelf.sharded()), CUT),
    "float16": Row(lambda shelf, _: (shelf.cut, shelf.half()), CUT),
    "LoRA": Row(lambda shelf, _: (shelf.cut, shelf.adapter()), CUT + ADAPTED, ADAPTED),
    "LoRA, merged": Row(lambda shelf, _: (shelf.cut, shelf.merged()), CUT),
    "DoRA": Row(lambda shelf, _: (shelf.cut, shelf.adapter(dora=True)), CUT + DORA, DORA),
    "NF4": Row(
        lambda shelf, _: (shelf.cut, shelf.quantised(4)), CUT, needs=("bitsandbytes", "accelerate")
    ),
    "8-bit": Row(
        lambda shelf, _: (shelf.cut, shelf.quantised(8)), CUT, needs=("bitsandbytes", "accelerate")
    ),
    "GGUF": Row(lambda shelf, _: (shelf.whole, gguf_file()), WHOLE),
    "T5": Row(
        lambda shelf, _: (shelf.t5(0), shelf.t5(1)),
        TINY_T5,
        null=("distillation.fidelity.token_kl_nats",),
    ),
    "BERT with labels": Row(
        lambda shelf, _: (shelf.bert(0), shelf.bert(1)),
        TINY_BERT,
        scoring="classify",
        data=lambda shelf: (f"--data-path={shelf.reviews()}",),
        null=("student.benchmark.ttft_s", "student.benchmark.tokens_per_s"),
    ),
    "served": Row(
        _served,
        CUT,
        null=("teacher.size.disk_bytes", "teacher.memory.model_memory_bytes"),
        questions=2,  # llama.cpp's server takes seconds an option
    ),
}


@dataclass(frozen=True)
class Ran:
    """A row's documents."""

    document: dict[str, Any]
    comparison: dict[str, Any]


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    if reason := why_absent():
        pytest.skip(reason)
    return Shelf()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, shelf: Shelf) -> Iterator[Callable[[str], Ran]]:
    """Rows run once each."""
    starter = QuickStarter()
    done: dict[str, Ran] = {}

    def run(name: str) -> Ran:
        if name not in done:
            folder = tmp_path_factory.mktemp("row") / "clone"
            done[name] = _run(ROWS[name], shelf, Workspace(folder, starter))
        return done[name]

    yield run
    starter.close()


def _run(row: Row, shelf: Shelf, workspace: Workspace) -> Ran:
    missing = [name for name in row.needs if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with ExitStack() as stack:
        teacher, student = row.pair(shelf, stack)
        outcome = workspace.run(
            f"--teacher-model={teacher}",
            f"--student-model={student}",
            *row.data(shelf),
            f"--distill-limit={row.questions}",
            "--benchmark-samples=2",
            "--distill-new-tokens=4",
            "--distill-batch-sizes=1,2",
            "--distill-max-rounds=5",
            "--distill-max-seconds=2",
            "--distill-device=cpu",
        )
    assert outcome.returncode in (PASSED, FAILED), outcome.output
    return Ran(workspace.document(), workspace.read_json("metrics/comparison_results.json"))


@pytest.mark.parametrize("name", ROWS)
def test_the_whole_suite_runs(ran: Callable[[str], Ran], name: str) -> None:
    row, document = ROWS[name], ran(name).document
    check_document(document)
    student, reasons = document["student"], document["reasons"]
    assert document["dataset"]["scoring"] == row.scoring
    for role in ("teacher", "student"):
        assert document[role]["accuracy"]["total"] == row.questions
        assert document[role]["benchmark"]["inference_time_s"] > 0
        assert set(document[role]["benchmark"]["throughput_samples_per_s"]) == {"1", "2"}
    assert document["distillation"]["speedup"] > 0
    assert student["memory"]["model_memory_bytes"] > 0
    assert student["benchmark"]["load_time_s"] > 0
    assert student["size"]["parameters_total"] == row.parameters
    trained = row.parameters if row.trained is None else row.trained
    assert student["size"]["parameters_trainable"] == trained
    for path in row.null:
        assert reasons[path], path


def test_merged_and_unmerged_adapters_answer_alike(ran: Callable[[str], Ran]) -> None:
    unmerged, merged = (ran(name).comparison["predictions"] for name in ("LoRA", "LoRA, merged"))
    for one, other in zip(unmerged, merged, strict=True):
        assert one["student"]["answer"] == other["student"]["answer"]
        assert one["student"]["log_likelihoods"] == pytest.approx(
            other["student"]["log_likelihoods"], abs=1e-3
        )
