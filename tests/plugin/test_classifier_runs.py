"""Whole runs of a tiny BERT and a tiny DistilBERT, from labelled texts to files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from distill_fixtures.plugin.export import check_document
from distill_fixtures.report.schema import SCHEMAS, schema_of
from tests.plugin.test_bad_input import USAGE_ERROR, four_parts
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Outcome, QuickStarter, Workspace
from tests.report.paths import at, nulls
from tests.report.test_recomputed import check_files
from tests.tiny_classifiers import (
    LABELS,
    make_bert,
    make_distilbert,
    make_text_tokenizer,
    save_classifier,
)

NO_TOKENS = "a classifier writes no tokens: its time is inference_time_s"
TURNED = LABELS[::-1]
WORDS = ("quick", "brown", "lazy", "jumps over", "energy of the second level")


@dataclass(frozen=True)
class Pair:
    """Paths of a BERT, a DistilBERT with the same labels under other ids, and texts."""

    teacher: Path
    student: Path
    texts: Path

    def options(self, **changed: object) -> list[str]:
        tiny = Tiny(self.teacher, self.student, self.student, self.texts)
        return tiny.options(**changed)


def records() -> list[dict[str, object]]:
    return [
        {
            "text": f"the {WORDS[number % 5]} fox number {number} " + "and on " * (number % 4),
            "label": LABELS[number % 3],
            "subdomain": ("Optics", "Sports")[number % 2],
        }
        for number in range(40)
    ]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    texts = folder / "texts.jsonl"
    texts.write_text("".join(json.dumps(each) + "\n" for each in records()), encoding="utf-8")
    return Pair(
        save_classifier(folder / "teacher", make_bert(num_hidden_layers=4)),
        save_classifier(folder / "student", make_distilbert(TURNED, seed=1)),
        texts,
    )


@dataclass(frozen=True)
class Run:
    workspace: Workspace
    outcome: Outcome
    document: dict[str, Any]
    comparison: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, quick_starter: QuickStarter, pair: Pair) -> Run:
    workspace = Workspace(tmp_path_factory.mktemp("whole") / "clone", quick_starter)
    outcome = workspace.run(*pair.options(), "-rs")
    return Run(
        workspace,
        outcome,
        workspace.document(),
        workspace.read_json("metrics/comparison_results.json"),
    )


def picks_by_hand(module: Any, labels: tuple[str, ...]) -> list[str]:
    """The label of the highest logit, text by text, with transformers alone."""
    import torch

    tokenizer = make_text_tokenizer()
    found = []
    for record in records():
        ids = tokenizer(record["text"], truncation=True, max_length=48, return_tensors="pt")
        with torch.no_grad():
            logits = module(input_ids=ids["input_ids"]).logits[0]
        found.append(labels[int(logits.argmax())])
    return found


def test_the_run_comes_to_its_end(run: Run) -> None:
    assert run.outcome.returncode in (0, 1), run.outcome.output
    assert run.document["run"]["partial"] is False, run.document["run"]["partial_reasons"]
    assert run.document["run"]["interrupted"] is False
    check_document(run.document)
    for name, found in (
        ("distillation_metrics", run.document),
        ("comparison_results", run.comparison),
    ):
        assert name in SCHEMAS
        jsonschema.Draft202012Validator(schema_of(name)).validate(found)


def test_only_criteria_fail(run: Run) -> None:
    failed = [line for line in run.outcome.output.splitlines() if line.startswith("FAILED")]
    assert all("test_criterion" in line for line in failed), failed
    assert " error" not in run.outcome.output.splitlines()[-1]


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_accuracy_is_that_of_the_logits(run: Run, role: str) -> None:
    module, labels = {
        "teacher": (make_bert(num_hidden_layers=4), LABELS),
        "student": (make_distilbert(TURNED, seed=1), TURNED),
    }[role]
    wanted = picks_by_hand(module, labels)
    right = [pick == record["label"] for pick, record in zip(wanted, records(), strict=True)]
    assert run.document[role]["accuracy"]["accuracy"] == sum(right) / len(right)
    picks = [LABELS[each[role]["answer"]] for each in run.comparison["predictions"]]
    assert picks == wanted
    told = run.document[role]["accuracy"]["correct_by_question"]
    assert told == "".join(str(int(each)) for each in right)
    probabilities = [each[role]["probabilities"] for each in run.comparison["predictions"]]
    assert all(sum(each) == pytest.approx(1) for each in probabilities)


def test_the_questions_are_put_as_labels(run: Run) -> None:
    dataset = run.document["dataset"]
    assert dataset["scoring"] == "classify"
    assert dataset["questions"] == 40
    assert dataset["options_per_question"] == 3
    assert dataset["chance_accuracy"] == pytest.approx(1 / 3)
    assert run.document["teacher"]["scoring"]["method"] == "rows"
    assert run.document["teacher"]["accuracy"]["accuracy_norm"] is None


def test_what_is_about_tokens_is_null_and_says_why(run: Run) -> None:
    reasons = run.document["reasons"]
    names = ["ttft_s", "tpot_s", "itl_p50_s", "itl_p99_s"]
    names += ["tokens_per_s", "decode_tokens_per_s", "prefill_tokens_per_s"]
    for role in ("teacher", "student"):
        for name in (*names, "characters_per_s"):
            path = f"{role}.benchmark.{name}"
            assert at(run.document, path) is None
            assert reasons[path] == NO_TOKENS
        for name in names:
            path = f"{role}.benchmark.by_batch_size.2.{name}"
            assert at(run.document, path) is None
            assert reasons[path] == NO_TOKENS
    for name in ("token_kl_nats", "bits_per_byte"):
        assert "next token" in reasons[f"distillation.fidelity.{name}"]
    for path in nulls(run.document):
        if not path.startswith(("run.", "verdict.", "timing.")):
            assert path in reasons, path


def test_times_memory_and_sizes_are_there(run: Run) -> None:
    for role in ("teacher", "student"):
        model = run.document[role]
        benchmark = model["benchmark"]
        assert benchmark["inference_time_s"] > 0
        assert benchmark["latency_p50_s"] > 0
        assert set(benchmark["throughput_samples_per_s"]) == {"1", "2"}
        assert benchmark["load_time_s"] > 0
        assert all(len(each["token_times_s"]) == 1 for each in benchmark["samples"])
        assert model["memory"]["peak_memory_bytes"] > 0
        assert model["size"]["parameters_total"] > model["size"]["parameters_non_embedding"] > 0
    assert run.document["distillation"]["speedup"] > 0
    assert run.document["distillation"]["time_saved_s"] is not None
    assert run.document["distillation"]["parameter_reduction_pct"] > 0


def test_every_figure_follows_from_the_raw_records(run: Run) -> None:
    check_files(run.document, run.comparison)


def test_tests_about_tokens_are_skipped_with_the_reason(run: Run) -> None:
    skipped = [line for line in run.outcome.output.splitlines() if line.startswith("SKIPPED")]
    assert any("writes no tokens" in line for line in skipped)
    assert "Time to first token" not in run.outcome.output


def test_answers_are_kept_between_runs(run: Run, pair: Pair) -> None:
    again = run.workspace.run(*pair.options(metrics_dir="again"), "-m", "accuracy")
    assert again.returncode == 0, again.output
    document = run.workspace.document("again")
    assert document["student"]["scoring"]["questions_from_cache"] == 40
    assert (
        document["student"]["accuracy"]["accuracy"]
        == run.document["student"]["accuracy"]["accuracy"]
    )


@pytest.mark.slow
def test_against_an_earlier_run(run: Run, pair: Pair) -> None:
    """Seconds compare; what is about tokens does not, and fails nothing."""
    workspace = run.workspace
    workspace.write(
        "timed.toml",
        "".join(
            f"[regression.{name}]\ntolerance_pct = 99\n"
            for name in ("inference_time_s", "ttft_s", "tokens_per_s")
        ),
    )
    asked = ("-m", "regression", "--distill-thresholds=timed.toml")
    first = workspace.run(*pair.options(metrics_dir="one"), *asked, "--distill-baseline=auto")
    assert first.returncode == 0, first.output
    earlier = workspace.folder / "one" / "distillation_metrics.json"
    timing = workspace.document("one")["process_timing"]
    assert set(timing["processes"][0]["teacher"]["ttft_s"]) == {None}
    second = workspace.run(
        *pair.options(metrics_dir="two"), *asked, f"--distill-baseline={earlier}"
    )
    assert second.returncode == 0, second.output
    verdicts = {each["metric"]: each for each in workspace.document("two")["regression"]}
    # Rounds of such models last microseconds: what they come to is the machine's affair.
    assert verdicts["inference_time_s"]["verdict"] in ("pass", "inconclusive")
    assert verdicts["inference_time_s"]["change_pct"] is not None
    for name in ("ttft_s", "tokens_per_s"):
        assert verdicts[name]["verdict"] == "not_comparable"
        assert "writes no tokens" in verdicts[name]["reason"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"student_model": "{writer}"}, ("BertForSequenceClassification", "LlamaForCausalLM")),
        ({"distill_scoring": "cloze"}, ("--distill-scoring", "classify")),
        ({"data_path": "{questions}"}, ("labels", "docs/questions.md")),
        ({"data_path": None}, ("labels", "demo")),
        ({"distill_cloze_pmi": "true"}, ("--distill-cloze-pmi", "classify")),
        ({"data_path": "{odd}"}, ("odd.jsonl, line 2", "'mixed'", "negative, neutral, positive")),
    ],
)
def test_refused_before_a_weight_is_read(
    changes: dict[str, object],
    said: tuple[str, ...],
    workspace: Workspace,
    tiny: Tiny,
    pair: Pair,
    tmp_path: Path,
) -> None:
    odd = tmp_path / "odd.jsonl"
    lines = [{"text": "one", "label": "neutral"}, {"text": "two", "label": "mixed"}]
    odd.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    filled = {
        name: value.format(writer=tiny.student, questions=tiny.questions, odd=odd)
        if isinstance(value, str)
        else value
        for name, value in changes.items()
    }
    switch = ["--distill-cloze-pmi"] if filled.pop("distill_cloze_pmi", None) else []
    outcome = workspace.quick(*pair.options(**filled), *switch)
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert len(four_parts(outcome.output)) == 4
    for word in said:
        assert word in outcome.output
    assert not outcome.loaded_heavy


def test_classify_for_models_that_write(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(distill_scoring="classify"))
    assert outcome.returncode == USAGE_ERROR
    assert "--distill-scoring does not fit the models" in outcome.output
    assert not outcome.loaded_heavy


def test_labelled_texts_serve_models_that_write(
    workspace: Workspace, tiny: Tiny, pair: Pair
) -> None:
    options = tiny.options(data_path=pair.texts, distill_limit=6)
    outcome = workspace.run(*options, "-m", "accuracy")
    assert outcome.returncode == 0, outcome.output
    dataset = workspace.document()["dataset"]
    assert (dataset["scoring"], dataset["questions"]) == ("cloze", 6)
    assert dataset["options_per_question"] == 3


def test_several_classifiers_whose_labels_stand_in_other_orders(
    workspace: Workspace, pair: Pair, tmp_path: Path
) -> None:
    straight = save_classifier(tmp_path / "straight", make_distilbert(LABELS, seed=1))
    outcome = workspace.run(
        *pair.options(),
        *(f"--student-model={straight}", "-m", "accuracy", "--distill-no-score-cache"),
    )
    assert outcome.returncode in (0, 1), outcome.output
    board = workspace.read_json("metrics/leaderboard.json")
    assert {run["name"] for run in board["runs"]} == {"student", "straight"}
    for name, labels in (("student", TURNED), ("straight", LABELS)):
        comparison = workspace.read_json(f"metrics/{name}/comparison_results.json")
        picked = [LABELS[each["student"]["answer"]] for each in comparison["predictions"]]
        assert picked == picks_by_hand(make_distilbert(labels, seed=1), labels)
