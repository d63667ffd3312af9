"""What a second run takes from the first: never a score of anything that has changed."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import platformdirs
import pytest

from distill_fixtures.config import RunConfig, build_config
from distill_fixtures.errors import CacheError, OptionError
from distill_fixtures.measure.scores.score_cache import SCORES_FILE
from distill_fixtures.models import file_digests
from distill_fixtures.models.file_digests import DIGESTS_FILE, FileDigests
from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.plugin import opening
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.preparation import prepare_inputs
from distill_fixtures.plugin.progress import ProgressDisplay
from distill_fixtures.plugin.store import SessionStore
from distill_fixtures.records import Role, Undefined
from tests.fakes import FakeModel
from tests.plugin.tiny_inputs import QUESTIONS, Tiny
from tests.plugin.whole_runs import SPYING
from tests.plugin.workspace import ROOT, Outcome, Workspace, tree
from tests.tiny_models import save_adapter

PASSED, USAGE_ERROR = 0, 4


@pytest.fixture
def copied(tiny: Tiny, tmp_path: Path) -> Tiny:
    """The tiny inputs in a folder of the test's own, which it may change."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for name in ("teacher", "student"):
        shutil.copytree(getattr(tiny, name), folder / name)
    shutil.copy(tiny.questions, folder / "questions.jsonl")
    return Tiny(folder / "teacher", folder / "student", tiny.broken, folder / "questions.jsonl")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """References of the models that were "loaded": fakes with the files' own digests."""
    names: list[str] = []

    def load(plan: ModelPlan, *, device: str, dtype: str, digests: FileDigests) -> FakeModel:
        names.append(plan.reference)
        return FakeModel(card=card_of_plan(plan, digests))

    monkeypatch.setattr(opening, "open_model", load)
    # Files written just now count as settled, so that what is tested is not the waiting.
    monkeypatch.setattr(file_digests, "QUIET_NS", 0)
    return cast("Iterator[list[str]]", names)


def config_of(inputs: Tiny, cache: Path | None, **options: str) -> RunConfig:
    given = {
        "teacher": str(inputs.teacher),
        "student": str(inputs.student),
        "data_path": str(inputs.questions),
        "device": "cpu",
        "metrics_dir": str(inputs.questions.parent / "metrics"),
        **({"no_score_cache": "true"} if cache is None else {"score_cache": str(cache)}),
        **options,
    }
    return build_config({field: (text, ROOT) for field, text in given.items()})


def scored(config: RunConfig, role: Role = "teacher") -> tuple[int, int]:
    """Questions scored and from the cache, in a session of its own."""
    inputs = prepare_inputs(config, ROOT)
    caches = Caches.open(inputs.cache_folder, rehash=config.rehash)
    quiet = cast(Any, ProgressDisplay.__new__(ProgressDisplay))
    quiet.is_shown = False
    store = SessionStore(config, inputs, isolate_first=False, progress=quiet, caches=caches)
    try:
        report = store.scoring_report(role)
        assert len(store.answers(role)) == len(store.questions)
    finally:
        store.close()
    return report.questions_scored, report.questions_from_cache


def alter(path: Path) -> None:
    """Change the last byte of weights, add white space to anything else."""
    content = path.read_bytes()
    changed = bytes([content[-1] ^ 1]) if path.suffix == ".safetensors" else content[-1:] + b"\n"
    path.write_bytes(content[:-1] + changed)


def reword(path: Path) -> None:
    """Another text in one question."""
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    records[3]["question"] += " Really?"
    path.write_text("".join(json.dumps(each) + "\n" for each in records), "utf-8")


# Sessions in this process, their models fakes.


def test_a_second_session_scores_nothing(copied: Tiny, tmp_path: Path, loaded: list[str]) -> None:
    config = config_of(copied, tmp_path / "cache")
    assert scored(config) == (QUESTIONS, 0)
    assert scored(config) == (0, QUESTIONS)
    assert scored(config, "student") == (QUESTIONS, 0)
    assert loaded == [str(copied.teacher), str(copied.student)]


def test_a_renamed_model_and_renamed_questions_are_the_same(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    assert scored(config_of(copied, tmp_path / "cache")) == (QUESTIONS, 0)
    moved = copied.teacher.rename(copied.teacher.with_name("moved"))
    text = copied.questions.read_text("utf-8").replace('"id": "q', '"id": "other')
    copied.questions.write_text(text, "utf-8")
    again = config_of(copied, tmp_path / "cache", teacher=str(moved))
    assert scored(again) == (0, QUESTIONS)


def in_teacher(name: str) -> Callable[[Tiny], None]:
    return lambda inputs: alter(inputs.teacher / name)


def new_template(inputs: Tiny) -> None:
    (inputs.teacher / "chat_template.jinja").write_text("{{ messages[0].content }}")


@pytest.mark.parametrize(
    "change",
    [
        in_teacher("model.safetensors"),
        in_teacher("tokenizer.json"),
        in_teacher("tokenizer_config.json"),
        in_teacher("config.json"),
        in_teacher("generation_config.json"),
        new_template,
    ],
    ids=["weights", "tokenizer", "tokenizer's settings", "config", "generation", "template"],
)
def test_a_changed_byte_misses(
    copied: Tiny, tmp_path: Path, loaded: list[str], change: Callable[[Tiny], None]
) -> None:
    config = config_of(copied, tmp_path / "cache")
    assert scored(config) == (QUESTIONS, 0)
    change(copied)
    assert scored(config) == (QUESTIONS, 0)


@pytest.mark.parametrize(
    "options",
    [{"dtype": "bfloat16"}, {"scoring": "letter"}, {"scoring": "generate"}],
    ids=lambda options: next(iter(options.values())),
)
def test_another_way_of_asking_misses(
    copied: Tiny, tmp_path: Path, loaded: list[str], options: dict[str, str]
) -> None:
    assert scored(config_of(copied, tmp_path / "cache")) == (QUESTIONS, 0)
    changed = config_of(copied, tmp_path / "cache", **options)
    assert scored(changed) == (QUESTIONS, 0)
    assert scored(changed) == (0, QUESTIONS)


def test_the_prompt_of_written_answers_is_part_of_the_key(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    for prompt in ("zero-shot", "cot"):
        config = config_of(copied, tmp_path / "cache", scoring="generate", prompt=prompt)
        assert scored(config) == (QUESTIONS, 0)
        assert scored(config) == (0, QUESTIONS)


def test_a_changed_question_is_scored_alone(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    config = config_of(copied, tmp_path / "cache")
    assert scored(config) == (QUESTIONS, 0)
    reword(copied.questions)
    assert scored(config) == (1, QUESTIONS - 1)


def test_after_a_limited_run_only_the_rest_is_scored(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    assert scored(config_of(copied, tmp_path / "cache", limit="15")) == (15, 0)
    assert scored(config_of(copied, tmp_path / "cache")) == (QUESTIONS - 15, 15)


def test_a_changed_base_of_an_adapter_misses(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    adapter = save_adapter(copied.teacher.with_name("adapter"), copied.student)
    config = config_of(copied, tmp_path / "cache", teacher=str(adapter))
    assert scored(config) == (QUESTIONS, 0)
    assert scored(config) == (0, QUESTIONS)
    alter(copied.student / "model.safetensors")
    assert scored(config) == (QUESTIONS, 0)


def test_switched_off_nothing_is_kept_or_used(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    assert scored(config_of(copied, tmp_path / "cache")) == (QUESTIONS, 0)
    before = tree(tmp_path / "cache")
    for _ in range(2):
        assert scored(config_of(copied, None)) == (QUESTIONS, 0)
    assert tree(tmp_path / "cache") == before


def test_rehashing_reads_the_weights_again(
    copied: Tiny, tmp_path: Path, loaded: list[str], reads: list[str]
) -> None:
    weights_read = []
    for options in ({}, {}, {"rehash": "true"}):
        reads.clear()
        scored(config_of(copied, tmp_path / "cache", **options))
        weights_read.append(reads.count("model.safetensors"))
    assert weights_read == [1, 0, 1]


def test_a_model_that_was_not_loaded_says_so_in_the_report(
    copied: Tiny, tmp_path: Path, loaded: list[str]
) -> None:
    config = config_of(copied, tmp_path / "cache")
    scored(config)
    inputs = prepare_inputs(config, ROOT)
    quiet = cast(Any, ProgressDisplay.__new__(ProgressDisplay))
    quiet.is_shown = False
    caches = Caches.open(inputs.cache_folder, rehash=False)
    store = SessionStore(config, inputs, isolate_first=False, progress=quiet, caches=caches)
    assert isinstance(store.known_scoring_report("teacher"), Undefined)
    report = store.scoring_report("teacher")
    assert store.known_scoring_report("teacher") == report
    assert isinstance(report.method, Undefined)
    assert not store.loaded
    assert store.placement == ("cpu", "float32")
    store.close()


# Folders and files that cannot be used.


def test_a_default_folder_that_takes_no_files_is_warned_of(
    copied: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: f"{copied.questions}/{name}")
    given = {"teacher": copied.teacher, "student": copied.student, "data_path": copied.questions}
    given["metrics_dir"] = tmp_path / "metrics"
    config = build_config({field: (str(text), ROOT) for field, text in given.items()})
    inputs = prepare_inputs(config, ROOT)
    assert inputs.cache_folder is None
    (warning,) = (each for each in inputs.warnings if "cache" in each)
    assert "no score is kept" in warning
    assert "--distill-score-cache" in warning


def test_a_folder_and_no_cache_exclude_each_other(copied: Tiny, tmp_path: Path) -> None:
    config = config_of(copied, tmp_path / "cache", no_score_cache="true")
    with pytest.raises(OptionError) as refused:
        prepare_inputs(config, ROOT)
    assert "--distill-no-score-cache" in refused.value.what


def test_an_unusable_folder_is_a_usage_error(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write("file", "")
    outcome = workspace.quick(*tiny.options(distill_score_cache="file/cache"), "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    assert "the folder of the score cache cannot be written" in outcome.output
    assert "--distill-score-cache" in outcome.output
    assert not outcome.loaded_heavy
    assert not (workspace.folder / "metrics").exists()


@pytest.mark.parametrize("name", [SCORES_FILE, DIGESTS_FILE])
def test_a_broken_file_is_a_usage_error(workspace: Workspace, tiny: Tiny, name: str) -> None:
    path = workspace.write(f"cache/{name}", "no database at all, " * 100)
    outcome = workspace.quick(*tiny.options(distill_score_cache="cache"), "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for words in (str(path), "delete the file", "--distill-no-score-cache"):
        assert words in outcome.output
    assert not outcome.loaded_heavy
    assert not (workspace.folder / "metrics").exists()
    with pytest.raises(CacheError):
        Caches.open(workspace.folder / "cache", rehash=False)


# Whole runs.


def whole_run(workspace: Workspace, tiny: Tiny, metrics: str, *more: str) -> Outcome:
    options = tiny.options(metrics_dir=metrics)
    return workspace.run(*options, *more, "-p", "spying", "-m", "accuracy")


def from_cache(document: dict[str, Any]) -> list[int]:
    return [document[role]["scoring"]["questions_from_cache"] for role in ("teacher", "student")]


@pytest.mark.slow
def test_a_second_run_loads_no_model(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write("spying.py", SPYING)
    events = workspace.folder / "events.txt"
    outcome = whole_run(workspace, tiny, "first", "--benchmark-json=first.json")
    assert outcome.returncode == PASSED, outcome.output
    assert "load teacher" in events.read_text("utf-8")
    assert "from the score cache" not in outcome.output
    first = workspace.document("first")
    assert from_cache(first) == [0, 0]
    assert first["teacher"]["scoring"]["questions_scored"] == QUESTIONS
    assert first["teacher"]["scoring"]["method"]
    assert first["teacher"]["scoring"]["passes"] >= 1
    assert (workspace.cache_home / "distill-bench" / SCORES_FILE).is_file()
    events.unlink()

    outcome = whole_run(workspace, tiny, "second", "--benchmark-json=second.json")
    assert outcome.returncode == PASSED, outcome.output
    assert "load" not in events.read_text("utf-8")
    said = f"{QUESTIONS} of {QUESTIONS} of the"
    assert f"answers from the score cache: {said} teacher, {said} student" in outcome.output
    assert outcome.output.count("from the score cache") == 1
    second = workspace.document("second")
    assert from_cache(second) == [QUESTIONS, QUESTIONS]
    assert second["teacher"]["scoring"]["passes"] == 0
    assert second["teacher"]["scoring"]["method"] is None
    assert "not loaded" in second["reasons"]["teacher.scoring.method"]
    assert second["teacher"]["accuracy"] == first["teacher"]["accuracy"]
    both = [workspace.read_json(f"{name}/comparison_results.json") for name in ("first", "second")]
    assert both[0] == both[1]
    stored = workspace.read_json("second.json")["benchmarks"]
    (teacher,) = (each for each in stored if each["name"] == "test_accuracy[teacher]")
    assert teacher["extra_info"]["questions_from_cache"] == QUESTIONS


@pytest.mark.slow
def test_two_runs_at_once_share_a_cache(
    workspace: Workspace, foreign: Workspace, tiny: Tiny
) -> None:
    shutil.copytree(workspace.folder / "benchmarks", foreign.folder / "benchmarks")
    shutil.copy(workspace.folder / "pytest.ini", foreign.folder)
    foreign.cache_home = workspace.cache_home
    outcomes: dict[str, Outcome] = {}

    def take(name: str, where: Workspace) -> None:
        where.write("spying.py", SPYING)
        outcomes[name] = whole_run(where, tiny, name)

    runs = {"one": workspace, "other": foreign}
    threads = [threading.Thread(target=take, args=each) for each in runs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcomes[name].returncode for name in runs] == [PASSED, PASSED], outcomes
    answers = [where.read_json(f"{name}/comparison_results.json") for name, where in runs.items()]
    assert answers[0] == answers[1]
    third = whole_run(workspace, tiny, "third")
    assert third.returncode == PASSED, third.output
    assert from_cache(workspace.document("third")) == [QUESTIONS, QUESTIONS]
