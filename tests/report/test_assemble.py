"""The document: every key of the interface is there, and every null says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from distill_fixtures.catalog import CATALOG
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.records import Answer, Question, Role, Scoring, Undefined
from distill_fixtures.report.document import Document
from tests.report.made_up_run import MadeUpRun
from tests.report.paths import at, nulls

# interface.md's block of distillation_metrics.json.
MODEL_KEYS = {
    "": "reference digest architecture",
    "size": """disk_bytes disk_mb disk_gb weights_bytes adapter_bytes parameters_total
        parameters_trainable parameters_non_embedding bits_per_parameter""",
    "accuracy": """accuracy accuracy_norm accuracy_pmi correct total ci95
        expected_calibration_error brier_score overconfidence option_nll_nats unparsed truncated
        by_subdomain by_question_type position_shares""",
    "scoring": "method chat_template questions_scored questions_from_cache passes seconds",
    "benchmark": """load_time_s load_time_cold_s import_time_s inference_time_s
        throughput_samples_per_s by_batch_size tokens_per_s decode_tokens_per_s
        prefill_tokens_per_s characters_per_s ttft_s tpot_s itl_p50_s
        itl_p99_s latency_p50_s latency_p90_s latency_p99_s merged samples""",
    "memory": """model_memory_bytes model_pss_bytes model_uss_bytes peak_memory_bytes
        load_peak_memory_bytes runtime_memory_bytes
        device_peak_bytes""",
}
PAIR_KEYS = {
    "distillation": """size_reduction_bytes size_reduction_pct parameter_reduction_pct
        compression_ratio compression_factor accuracy_delta accuracy_loss accuracy_retention_pct
        knowledge_retention_pct chance_corrected_retention_pct speedup speed_improvement_pct
        time_saved_s throughput_gain load_time_improvement_pct memory_reduction_bytes
        memory_reduction_pct peak_memory_reduction_pct performance_efficiency efficiency_score
        performance_per_mb performance_per_million_params distillation_efficacy distillation_gain
        control_difference accuracy_loss_by_subdomain accuracy_loss_by_question_type intervals""",
    "distillation.fidelity": """agreement agreement_teacher_wrong kappa kl_nats kl_nats_median
        js_nats negative_flip_rate positive_flip_rate relative_negative_flip_rate mcnemar_p""",
    "verdict": "overall gate criteria",
    "environment": """versions machine device threads dtype git_commit machine_check
        comparability_key""",
    "run": "options references partial interrupted tests_selected",
    "dataset": """name digest questions options_per_question chance_accuracy guess_baseline scoring
        prompt_digest repeated_options unlabelled""",
}
TOP_KEYS = """schema_version created_at environment run dataset teacher student control distillation
    timing verdict regression reasons"""
CRITERION_KEYS = "metric value ci95 good poor grade stability borderline message"

# Nulls that say themselves what they mean: an option or reference not given; a criterion's own
# `reason` stands beside its value.
SELF_EXPLAINED = ("run.options", "run.references", "verdict.criteria")

# Keys of the figures' sections that are records and no metrics.
RECORDS = {
    "intervals",
    "correct_by_question",
    "fidelity",
    "samples",
    "curve",
    "phases",
    "peak_method",
    "load_times_s",
    "number_format_differs",
    "tokenizers_differ",
}
PARTS = ("size", "accuracy", "load", "memory", "latency", "throughput", "pair", "criteria")


def unexplained(metrics: dict[str, Any]) -> list[str]:
    """Nulls without a reason."""
    return [
        path
        for path in nulls(metrics)
        if not path.startswith(SELF_EXPLAINED) and not metrics["reasons"].get(path)
    ]


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    return MadeUpRun().documents().metrics


def test_every_key_of_the_interface_is_there(metrics: dict[str, Any]) -> None:
    paths = TOP_KEYS.split()
    for role in ("teacher", "student", "control"):
        for section, keys in MODEL_KEYS.items():
            paths += [".".join(filter(None, (role, section, key))) for key in keys.split()]
    for section, keys in PAIR_KEYS.items():
        paths += [f"{section}.{key}" for key in keys.split()]
    for path in paths:
        value = at(metrics, path)  # KeyError where the key is missing
        assert value is not None or metrics["reasons"][path], path
    for criterion in metrics["verdict"]["criteria"]:
        assert set(CRITERION_KEYS.split()) <= criterion.keys()


def test_all_that_was_measured_holds_a_number(metrics: dict[str, Any]) -> None:
    absent = set(nulls({k: metrics[k] for k in ("teacher", "student", "distillation")}))
    assert absent == {
        f"{role}.{key}"
        for role in ("teacher", "student")
        for key in (
            "size.adapter_bytes",
            "accuracy.letter_debiased_accuracy",
            "accuracy.accuracy_pmi",
            "scoring.chat_template",
            "benchmark.load_time_cold_s",
            "benchmark.merged",
            "benchmark.latency_p99_s",
            # One round holds 13 samples at size 1, and at size 4 a batch of 9 tokens.
            "benchmark.by_batch_size.1.latency_p99_s",
            "benchmark.by_batch_size.4.itl_p99_s",
            "benchmark.by_batch_size.4.latency_p90_s",
            "benchmark.by_batch_size.4.latency_p99_s",
            "memory.device_peak_bytes",
        )
    }


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow], database=None
)
@given(
    asked=st.frozensets(st.sampled_from(PARTS)),
    scoring=st.sampled_from(["cloze", "letter", "generate", "classify"]),
    control=st.booleans(),
    rounds=st.integers(1, 6),
    tokens=st.integers(1, 3),
    skill=st.sampled_from([-9.0, 0.0, 9.0]),
    questions=st.integers(1, 25),
)
def test_every_null_has_its_reason(
    asked: frozenset[str],
    scoring: Scoring,
    control: bool,
    rounds: int,
    tokens: int,
    skill: float,
    questions: int,
) -> None:
    """Whatever was measured, however little, with teachers that know all or nothing."""
    run = MadeUpRun(
        scoring=scoring,
        control=control,
        rounds=rounds,
        tokens=tokens,
        questions=questions,
        skill={"teacher": skill, "student": 0.0, "control": -skill},
        asked=asked,
    )
    documents = run.documents()
    assert unexplained(documents.metrics) == []
    assert set(documents.metrics["reasons"]) <= set(nulls(documents.metrics))
    for criterion in documents.metrics["verdict"]["criteria"]:
        judged = criterion["grade"] in ("good", "acceptable", "poor")
        assert judged == (criterion["reason"] is None)
        assert criterion["value"] is not None or criterion["reason"]
    if documents.comparison is not None:
        explained = documents.comparison["reasons"]
        labels = {"predictions.subdomain", "predictions.question_type", "predictions.source"}
        own = {f"predictions.{role}.answer" for role in run.roles}
        assert set(nulls(documents.comparison)) - set(explained) <= labels | own


def test_free_text() -> None:
    questions = (
        Question("1", "Who?", answers=("the photon", "a quantum")),
        Question("2", "What?", answers=("spin",)),
    )
    told: dict[Role, tuple[Answer, ...]] = {
        "teacher": (
            Answer("1", "Photon.", True, text="Photon."),
            Answer("2", None, False, text=""),
        ),
        "student": (
            Answer("1", "photon", True, text="photon"),
            Answer("2", "spin", True, text="s"),
        ),
    }
    run = MadeUpRun(scoring="generate", control=False, question_set=questions, told=told)
    documents = run.documents()
    assert unexplained(documents.metrics) == []
    assert documents.metrics["distillation"]["knowledge_retention_pct"] == 200
    assert documents.metrics["dataset"]["options_per_question"] is None
    assert documents.comparison is not None
    assert documents.comparison["summary"]["f1"]["teacher_token_f1"] == 0.5
    assert documents.comparison["predictions"][0]["reference"] == ["the photon", "a quantum"]
    assert documents.comparison["predictions"][0]["agree"] is True


def test_the_sections_and_the_catalogue_name_the_same_metrics(metrics: dict[str, Any]) -> None:
    parts = [metrics["student"][name] for name in ("size", "accuracy", "benchmark", "memory")]
    parts += [metrics["distillation"], metrics["distillation"]["fidelity"]]
    written = {key for part in parts for key in part} - RECORDS
    named = {
        name for names in (*MODEL_SECTIONS.values(), *PAIR_SECTIONS.values()) for name in names
    }
    assert written == named
    assert written <= CATALOG.keys()
    dataset = {name for name, each in CATALOG.items() if each.scope == "dataset"}
    assert dataset <= metrics["dataset"].keys()


def test_each_metric_of_the_catalogue_is_in_a_file(metrics: dict[str, Any]) -> None:
    comparison = MadeUpRun(questions=20).documents().comparison
    assert comparison is not None
    summary = comparison["summary"]
    written = {*summary, *summary["consistency"], *summary["f1"], *metrics["dataset"], "token_f1"}
    for name in ("size", "accuracy", "benchmark", "memory"):
        written |= metrics["student"][name].keys()
    written |= metrics["distillation"].keys() | metrics["distillation"]["fidelity"].keys()
    assert CATALOG.keys() - written == set()


def test_how_each_interval_is_taken_is_said(metrics: dict[str, Any]) -> None:
    """The catalogue names a method for exactly the metrics that have an interval."""
    parts = [metrics["student"]["accuracy"], metrics["student"]["benchmark"]]
    parts.append(metrics["distillation"])
    there = {name.partition(".")[0] for part in parts for name in part["intervals"]}
    named = {name for name, each in CATALOG.items() if each.interval is not None}
    assert named - there == {"latency_p99_s"}  # too few samples a round
    assert there <= named


def test_a_batch_size_that_was_not_timed_has_its_reason() -> None:
    run = MadeUpRun(asked=frozenset(("latency",)))
    store = run.store()
    store.rounds(1)
    judge = run.play(store)
    documents = run.documents_of(store, judge)
    reasons = documents.metrics["reasons"]
    for path in (
        "teacher.benchmark.throughput_samples_per_s",
        "teacher.benchmark.by_batch_size",
        "distillation.throughput_gain",
    ):
        values = at(documents.metrics, path)
        assert values["1"]
        assert values["4"] is None
        assert reasons[f"{path}.4"] == "no test that measures it was run"
    assert reasons["control.benchmark.throughput_samples_per_s"]
    assert unexplained(documents.metrics) == []


def test_tokenizers_are_compared_only_where_both_are_loaded(metrics: dict[str, Any]) -> None:
    assert metrics["distillation"]["tokenizers_differ"] is False
    sizes = MadeUpRun(asked=frozenset(("size",))).documents().metrics
    assert sizes["distillation"]["tokenizers_differ"] is None
    assert sizes["reasons"]["distillation.tokenizers_differ"]
    other = MadeUpRun(tokenizers={"teacher": "a", "student": "b"}).documents().metrics
    assert other["distillation"]["tokenizers_differ"] is True
    unknown = MadeUpRun(tokenizers={"teacher": "a", "student": Undefined("served")})
    assert unknown.documents().metrics["reasons"]["distillation.tokenizers_differ"] == "served"


def test_adapters_have_the_times_of_their_merged_copies() -> None:
    documents = MadeUpRun(adapters=("student",), tokens=1).documents().metrics
    found = documents["student"]["benchmark"]["merged"]
    assert found["speedup"] > 1
    assert found["rounds"] == 12
    assert found["tpot_s"] is None
    reasons = documents["reasons"]
    assert "single new token" in reasons["student.benchmark.merged.tpot_s"]
    assert reasons["teacher.benchmark.merged"] == "the model is no adapter"
    assert "student's shape" in reasons["control.benchmark.merged"]
    assert unexplained(documents) == []


def test_nan_never_gets_in(metrics: dict[str, Any]) -> None:
    broken = {**metrics, "distillation": {**metrics["distillation"], "speedup": float("nan")}}
    with pytest.raises(ValidationError, match="speedup"):
        Document.model_validate(broken)


def test_a_users_hook_may_add_keys(metrics: dict[str, Any]) -> None:
    assert Document.model_validate({**metrics, "team": "optics"}).model_dump()["team"] == "optics"
    with pytest.raises(ValidationError, match="reasons"):
        Document.model_validate({k: v for k, v in metrics.items() if k != "reasons"})


def test_time_figures_of_a_control_are_null(metrics: dict[str, Any]) -> None:
    assert metrics["control"]["benchmark"]["inference_time_s"] is None
    assert "student's shape" in metrics["reasons"]["control.benchmark.inference_time_s"]


def test_scoring_says_how_answers_came_about() -> None:
    metrics = MadeUpRun(from_cache={"teacher": 120, "student": 20}).documents().metrics
    teacher, student = (metrics[role]["scoring"] for role in ("teacher", "student"))
    assert (teacher["questions_scored"], teacher["questions_from_cache"]) == (0, 120)
    assert (student["questions_scored"], student["questions_from_cache"]) == (100, 20)
    assert (teacher["method"], student["method"]) == (None, "packed")
    assert metrics["reasons"]["teacher.scoring.method"] == "the model was not loaded"
    unasked = MadeUpRun(asked=frozenset()).documents().metrics
    assert set(unasked["teacher"]["scoring"].values()) == {None}
    for name in unasked["teacher"]["scoring"]:
        assert unasked["reasons"][f"teacher.scoring.{name}"] == "no test that measures it was run"
