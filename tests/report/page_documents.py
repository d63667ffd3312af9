"""Documents of all the kinds that a page must be right for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from distill_fixtures.plugin.export import Documents
from distill_fixtures.records import Answer, Question, Role
from distill_fixtures.report.document import Document
from tests.report.made_up_run import MadeUpRun

__all__ = ["CASES", "MARKUP", "free_text_run", "with_baseline", "with_markup"]

MARKUP = "<script>alert(1)</script>"


def free_text_run() -> MadeUpRun:
    """Answers written freely, of which the student gets one in three wrong."""
    questions = tuple(
        Question(f"q{n}", f"what is {n}?", answers=(f"the {n}",), subdomain=("A", "B")[n % 2])
        for n in range(60)
    )

    def answers(every: int) -> tuple[Answer, ...]:
        told = []
        for n, question in enumerate(questions):
            right = n % every != 0
            text = f"the {n}" if right else "no idea"
            told.append(Answer(question.id, text, right, text=text))
        return tuple(told)

    told: dict[Role, tuple[Answer, ...]] = {"teacher": answers(9), "student": answers(3)}
    return MadeUpRun(scoring="generate", question_set=questions, told=told, control=False)


def changed(run: MadeUpRun, change: Callable[[dict[str, Any]], None]) -> Documents:
    """A run's documents with something else in them, still valid."""
    documents = run.documents()
    metrics = copy.deepcopy(documents.metrics)
    change(metrics)
    Document.model_validate(metrics)
    return Documents(metrics, documents.comparison)


def _partial(document: dict[str, Any]) -> None:
    document["run"] |= {"partial": True, "partial_reasons": ["--distill-limit 60"]}


def _noisy(document: dict[str, Any]) -> None:
    document["environment"]["machine_check"]["problems"] = [
        {
            "key": "other_load",
            "severity": "too_noisy",
            "when": "batch size 1",
            "sentence": "others used 1.50 of 2 cores",
            "next_step": "stop them",
        }
    ]


def _encoder_decoder(document: dict[str, Any]) -> None:
    """What an encoder-decoder cannot tell."""
    reason = "an encoder-decoder gives no probability of the next token of a plain text"
    for name in ("token_kl_nats", "bits_per_byte"):
        document["distillation"]["fidelity"][name] = None
        document["reasons"][f"distillation.fidelity.{name}"] = reason
    for role in ("teacher", "student"):
        document[role]["architecture"] = "T5ForConditionalGeneration"


def _served(document: dict[str, Any]) -> None:
    """A teacher behind a server tells neither its size nor its memory, nor how it was loaded."""
    told = "a server does not say it; a file can (&card=FILE in the reference)"
    pair = document["distillation"]
    gone = {
        "teacher.size": document["teacher"]["size"],
        "teacher.memory": document["teacher"]["memory"],
    }
    for place, section in gone.items():
        for name in section:
            section[name] = None
            document["reasons"][f"{place}.{name}"] = told
    for name in list(pair):
        if name.startswith(("size", "parameter", "compression", "memory", "peak", "performance")):
            pair[name] = None
            document["reasons"][f"distillation.{name}"] = told
            pair["intervals"].pop(name, None)
    for name in ("load_time_s", "load_time_cold_s", "import_time_s"):
        document["teacher"]["benchmark"][name] = None
        document["reasons"][f"teacher.benchmark.{name}"] = told
    document["teacher"]["reference"] = "openai+http://127.0.0.1:8000/v1?model=big"
    document["teacher"]["architecture"] = document["teacher"]["digest"] = None


def with_baseline(document: dict[str, Any]) -> None:
    """Put a comparison with a baseline into a document."""
    record = {
        "metric": "inference_time_s",
        "baseline": 0.031,
        "current": 0.033,
        "change_pct": 7.5,
        "ci95": [6.1, 8.9],
        "tolerance_pct": 5.0,
        "verdict": "fail",
        "basis": "the student's time over its teacher's, 5 and 5 processes",
        "differences": [],
        "reason": None,
        "message": "inference_time_s against the baseline: fail",
    }
    exact = {"metric": "disk_bytes", "change_pct": -2.0, "ci95": None, "verdict": "pass"}
    differing = {
        "metric": "accuracy",
        "change_pct": None,
        "ci95": None,
        "verdict": "not_comparable",
        "reason": "the runs were made under other conditions",
        "differences": [{"what": "questions", "baseline": "old", "current": "new"}],
    }
    document["regression"] = [record, record | exact, record | differing]
    document["run"]["baseline"] = {
        "path": "/earlier/distillation_metrics.json",
        "created_at": "2025-12-01T00:00:00+00:00",
        "student": "demo:student",
    }
    rounds = {"seconds": [0.4, 0.5], "ttft_s": [0.01, 0.02], "tpot_s": [0.001, None]}
    document["process_timing"] = {
        "device": "cpu",
        "dtype": "float32",
        "threads": 2,
        "samples": 10,
        "new_tokens": 9,
        "note": None,
        "processes": [{"load_s": 1.5, "teacher": rounds, "student": rounds}] * 3,
    }


def with_markup(documents: Documents) -> Documents:
    """The same run, in which every text of a user's is markup, mathematics or a control code."""
    metrics, comparison = copy.deepcopy(documents.metrics), copy.deepcopy(documents.comparison)
    assert comparison is not None
    evil = {
        "teacher": MARKUP,
        "student": "</title></style><img src=x onerror=alert(2)>",
        "control": "\x1b[2J\u202eevil $\\frac{1}{0}$",
    }
    for role, reference in evil.items():
        metrics[role]["reference"] = reference
    metrics["dataset"] |= {"name": "<b>set</b>", "warnings": ['"><svg onload=alert(3)>']}
    metrics["run"]["partial_reasons"] = ["<iframe src='http://evil.example'>"]
    metrics["run"]["partial"] = True
    metrics["run"]["options"]["--data-path"] = '\'; rm -rf "$HOME" <&> \n'
    metrics["reasons"]["teacher.size.adapter_bytes"] = "<u>why</u>"
    metrics["verdict"]["criteria"][0] |= {"message": "<pre>&amp;</pre>", "reason": "<i>so</i>"}
    names = {"Optics": "<script>$x^2$</script>\x0b", "[red]Spin": "$$\\bad{ & ]]> <!-- -->"}
    for role in evil:
        slices = metrics[role]["accuracy"]["by_subdomain"]
        metrics[role]["accuracy"]["by_subdomain"] = {names[k]: v for k, v in slices.items()}
    for each in comparison["predictions"]:
        each["id"] = f"<a href='javascript:alert(4)'>{each['id']}</a>"
        each["subdomain"] = names.get(each["subdomain"])
    Document.model_validate(metrics)
    return Documents(metrics, comparison)


SIZE_ONLY = frozenset(("size",))
NO_TIMES = frozenset(("size", "accuracy", "pair"))
FAILING: dict[Role, float] = {"teacher": 2.5, "student": 0.2, "control": 0.6}
KNOWS_NOTHING: dict[Role, float] = {"teacher": 0.0, "student": 0.0, "control": 0.0}

CASES: dict[str, Callable[[], Documents]] = {
    "whole": MadeUpRun().documents,
    "letter": MadeUpRun(scoring="letter", permutations=3).documents,
    "generate": MadeUpRun(scoring="generate").documents,
    "free text": lambda: free_text_run().documents(),
    "failing": MadeUpRun(skill=FAILING).documents,
    "not judged": MadeUpRun(skill=KNOWS_NOTHING, questions=40).documents,
    "no control": MadeUpRun(control=False).documents,
    "no times": MadeUpRun(asked=NO_TIMES).documents,
    "sizes alone": MadeUpRun(asked=SIZE_ONLY, control=False).documents,
    "one round": MadeUpRun(rounds=1, tokens=1).documents,
    "partial": lambda: changed(MadeUpRun(), _partial),
    "noisy machine": lambda: changed(MadeUpRun(), _noisy),
    "baseline": lambda: changed(MadeUpRun(), with_baseline),
    "classify": MadeUpRun(scoring="classify").documents,
    "encoder-decoder": lambda: changed(MadeUpRun(), _encoder_decoder),
    "adapter": MadeUpRun(adapters=("student",)).documents,
    "served teacher": lambda: changed(MadeUpRun(control=False), _served),
    "tokenizers differ": MadeUpRun(tokenizers={"teacher": "a", "student": "b"}).documents,
    "markup": lambda: with_markup(MadeUpRun().documents()),
}
