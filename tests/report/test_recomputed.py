"""Each figure of the two files follows from the raw records in them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.records import Scoring
from tests.report.made_up_run import ROOT, MadeUpRun
from tests.report.paths import at, wrong_figures
from tests.report.recompute import recompute
from tests.report.recompute_answers import summary

Json = dict[str, Any]
SECTIONS = (
    *(f"{role}.{part}" for role in ("teacher", "student") for part in ("accuracy", "benchmark")),
    "distillation",
    "distillation.fidelity",
)
# Raw: measured, and not derived from anything else in the files.
RAW = frozenset(
    (
        "benchmark.samples",
        "benchmark.load_time_cold_s",
        "benchmark.characters_per_token",
        "distillation.tokenizers_differ",
        "fidelity.token_kl_nats",
        "fidelity.bits_per_byte",
    )
)
CRITERIA = {
    "knowledge_retention_pct": "knowledge_retention_pct",
    "size_reduction_pct": "size_reduction_pct",
    "speed_improvement_pct": "speed_improvement_pct",
    "performance_efficiency": "performance_efficiency",
}
TIMED = {"speed_improvement_pct"}


def check_files(metrics: Json, comparison: Json) -> None:
    """Recompute everything, and compare."""
    wanted = recompute(metrics, comparison)
    wrong = [w for p, value in wanted.items() for w in wrong_figures(at(metrics, p), value, p)]
    assert wrong == []
    for section in SECTIONS:
        part = section.rpartition(".")[2]
        keys = {key for key in at(metrics, section) if f"{part}.{key}" not in RAW}
        missed = {
            key for key in keys - {"intervals", "fidelity"} if f"{section}.{key}" not in wanted
        }
        assert missed == set(), section
    predictions = comparison["predictions"]
    found = dict(comparison["summary"])
    by_subdomain = found.pop("by_subdomain")
    assert wrong_figures(found, summary(predictions), "summary") == []
    for name, part in by_subdomain.items():
        some = summary([p for p in predictions if p["subdomain"] == name])
        assert wrong_figures(part, some, f"summary.by_subdomain.{name}") == []


def check_criteria(metrics: Json) -> None:
    """The shipped criteria, all of them with higher for better."""
    grades = []
    for criterion in metrics["verdict"]["criteria"]:
        assert criterion["value"] == metrics["distillation"][CRITERIA[criterion["metric"]]]
        grades.append(criterion["grade"])
        assert criterion["grade"] == expected_grade(criterion, metrics)
    judged = [grade for grade in ("poor", "acceptable", "good") if grade in grades]
    assert metrics["verdict"]["overall"] == (judged[0] if judged else "not_judged")
    failed = {"poor", "not_judged"} & set(grades)
    assert metrics["verdict"]["gate"] == ("fail" if failed else "pass")


def expected_grade(criterion: Json, metrics: Json) -> str:
    if criterion["metric"] == "knowledge_retention_pct":
        interval = metrics["teacher"]["accuracy"]["intervals"].get("accuracy")
        if interval is None or interval[0] <= metrics["dataset"]["guess_baseline"]:
            return "not_judged"
    low = high = criterion["value"]
    if criterion["metric"] in TIMED:
        if criterion["ci95"] is None:
            return "not_judged"
        low, high = criterion["ci95"]
    if low > criterion["good"]:
        return "good"
    return "poor" if high < criterion["poor"] else "acceptable"


@pytest.mark.parametrize("scoring", ["cloze", "letter", "generate", "classify"])
def test_a_made_up_run(scoring: Scoring) -> None:
    documents = MadeUpRun(scoring=scoring).documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    check_criteria(documents.metrics)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_a_control_and_with_other_answers(seed: int) -> None:
    skill = {"teacher": 1.0 + seed, "student": 0.5 * seed}
    run = MadeUpRun(control=False, seed=seed, questions=40 + seed, rounds=20, skill=skill)  # type: ignore[arg-type]
    documents = run.documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    check_criteria(documents.metrics)


def test_a_teacher_that_knows_nothing_cannot_be_judged_by() -> None:
    ignorant = dict.fromkeys(("teacher", "student", "control"), -0.5)
    documents = MadeUpRun(skill=ignorant).documents()  # type: ignore[arg-type]
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    check_criteria(documents.metrics)
    grades = {c["metric"]: c["grade"] for c in documents.metrics["verdict"]["criteria"]}
    assert grades["knowledge_retention_pct"] == "not_judged"


def test_one_token_and_few_rounds() -> None:
    documents = MadeUpRun(tokens=1, rounds=3).documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    check_criteria(documents.metrics)
    assert documents.metrics["teacher"]["benchmark"]["tpot_s"] is None
    grades = {c["metric"]: c["grade"] for c in documents.metrics["verdict"]["criteria"]}
    assert grades["speed_improvement_pct"] == "not_judged"


def test_classifiers_have_no_figures_about_tokens() -> None:
    metrics = MadeUpRun(scoring="classify").documents().metrics
    said = {"teacher.benchmark.by_batch_size.4.ttft_s", "teacher.benchmark.itl_p50_s"}
    said |= {f"student.benchmark.{kind}tokens_per_s" for kind in ("", "decode_", "prefill_")}
    said |= {f"student.benchmark.{name}" for name in ("ttft_s", "tpot_s", "characters_per_s")}
    for path in said:
        assert metrics["reasons"][path] == (
            "a classifier writes no tokens: its time is inference_time_s"
        ), path
    assert "next token" in metrics["reasons"]["distillation.fidelity.token_kl_nats"]
    assert metrics["distillation"]["speedup"] > 1


def test_several_option_orders() -> None:
    documents = MadeUpRun(scoring="letter", permutations=4).documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    assert documents.metrics["teacher"]["accuracy"]["letter_debiased_accuracy"] is None
    shares = documents.metrics["teacher"]["accuracy"]["position_shares"]
    assert sum(shares.values()) == pytest.approx(1)
    asked = [len(p["teacher"]["shown_picks"]) for p in documents.comparison["predictions"]]
    assert set(asked) == {3, 4}


def test_mutual_information() -> None:
    documents = MadeUpRun(pmi=True).documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    accuracy = documents.metrics["teacher"]["accuracy"]
    assert accuracy["accuracy_pmi"] not in (None, accuracy["accuracy"])
    plain = MadeUpRun().documents().metrics
    assert plain["teacher"]["accuracy"]["accuracy_pmi"] is None
    assert "--distill-cloze-pmi" in plain["reasons"]["teacher.accuracy.accuracy_pmi"]


def test_batch_size_1_is_no_throughput_where_nobody_asked_for_it() -> None:
    documents = MadeUpRun(batch_sizes=(4,)).documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    assert list(documents.metrics["teacher"]["benchmark"]["throughput_samples_per_s"]) == ["4"]
    assert documents.metrics["teacher"]["benchmark"]["inference_time_s"] > 0


def test_adapters_and_their_merged_copies() -> None:
    documents = MadeUpRun(adapters=("teacher", "student")).documents()
    assert documents.comparison is not None
    check_files(documents.metrics, documents.comparison)
    documents.metrics["student"]["benchmark"]["merged"]["speedup"] += 1e-6
    with pytest.raises(AssertionError, match=r"merged\.speedup"):
        check_files(documents.metrics, documents.comparison)


def test_a_wrong_figure_is_seen() -> None:
    documents = MadeUpRun().documents()
    assert documents.comparison is not None
    documents.metrics["distillation"]["fidelity"]["kappa"] += 1e-6
    with pytest.raises(AssertionError, match="kappa"):
        check_files(documents.metrics, documents.comparison)


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / "distill_fixtures/demo/teacher").is_dir(), reason="no built-in models here"
)
def test_the_built_in_run(tmp_path: Path) -> None:
    """The real suite in a process of its own, on the built-in models."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    options = ["--metrics-dir", str(tmp_path), "--distill-max-rounds", "6"]
    options += ["--benchmark-samples", "3", "--distill-new-tokens", "8"]
    options += ["--distill-score-cache", str(tmp_path / "cache")]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    metrics = json.loads((tmp_path / "distillation_metrics.json").read_text("utf-8"))
    comparison = json.loads((tmp_path / "comparison_results.json").read_text("utf-8"))
    assert not metrics["run"]["partial"]
    check_files(metrics, comparison)
    check_criteria(metrics)
