"""Options: every default passes its own check, every bad value is refused in four parts."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.config import RunConfig, build_config
from distill_fixtures.errors import OptionError
from distill_fixtures.options.table import OPTIONS, option_named

HERE = Path("/somewhere")


def build(**texts: str) -> RunConfig:
    return build_config({field: (text, HERE) for field, text in texts.items()})


def test_options_and_record_name_the_same_fields() -> None:
    assert [option.field for option in OPTIONS] == sorted(
        (field.name for field in fields(RunConfig)),
        key=lambda name: [option.field for option in OPTIONS].index(name),
    )
    assert len({option.flag for option in OPTIONS}) == len(OPTIONS)
    assert len({option.ini_key for option in OPTIONS}) == len(OPTIONS)


def test_flags_share_their_names_with_no_other_plugin() -> None:
    own = {
        "--teacher-model",
        "--student-model",
        "--control-model",
        "--data-path",
        "--benchmark-samples",
        "--metrics-dir",
    }
    assert all(option.flag in own or option.flag.startswith("--distill-") for option in OPTIONS)


@pytest.mark.parametrize(
    ("flag", "key"),
    [
        ("--teacher-model", "distill_teacher_model"),
        ("--distill-limit", "distill_limit"),
        ("--benchmark-samples", "distill_benchmark_samples"),
        ("--metrics-dir", "distill_metrics_dir"),
    ],
)
def test_ini_keys(flag: str, key: str) -> None:
    (option,) = [option for option in OPTIONS if option.flag == flag]
    assert option.ini_key == key


def test_defaults() -> None:
    config = build_config({})
    assert (config.teacher, config.student, config.control) == (
        "demo:teacher",
        "demo:student",
        "demo:control",
    )
    assert config.batch_sizes == (1, 8)
    assert config.limit is None
    assert config.metrics_dir == Path.cwd() / "metrics"


def test_no_control_beside_another_pair() -> None:
    assert build(student="demo:poor").control is None
    assert build(student="demo:poor", control="demo:control").control == "demo:control"


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        build_config({}).seed = 1  # type: ignore[misc]


BAD = [
    ("limit", "0"),
    ("limit", "-1"),
    ("limit", "many"),
    ("limit", "1.5"),
    ("limit", "99999999999"),
    ("new_tokens", "0"),
    ("batch_sizes", "1,x"),
    ("batch_sizes", "1,,8"),
    ("batch_sizes", "0"),
    ("batch_sizes", "8,8"),
    ("batch_sizes", ""),
    ("batch_sizes", "\N{SUPERSCRIPT TWO}"),
    ("benchmark_samples", "0"),
    ("max_rounds", "2"),
    ("max_seconds", "nan"),
    ("max_seconds", "inf"),
    ("max_seconds", "0"),
    ("max_seconds", "soon"),
    ("device", "tpu"),
    ("device", "cuda:x"),
    ("device", "cpu:0"),
    ("dtype", "int8"),
    ("scoring", "guess"),
    ("prompt", "few-shot"),
    ("permutations", "0"),
    ("cloze_pmi", "perhaps"),
    ("teacher", " "),
    ("allow_pickle", "yes please"),
    ("trust_remote_code", ""),
    ("score_cache", ""),
    ("no_score_cache", "maybe"),
    ("rehash", "1"),
    ("data_path", ""),
    ("seed", "-1"),
    ("mlflow", ""),
    ("mlflow", "mlruns"),
    ("mlflow", "http://"),
    ("mlflow", "http://host:0"),
    ("mlflow", "http://host:port"),
    ("mlflow", "http://me:hush@host"),
    ("mlflow", "http://host/?key=hush"),
    ("mlflow", "http://ho\x1bst"),
    ("mlflow_experiment", " "),
]


@pytest.mark.parametrize(("field", "text"), BAD)
def test_bad_values_are_refused_in_four_parts(field: str, text: str) -> None:
    with pytest.raises(OptionError) as refused:
        build(**{field: text})
    error = refused.value
    assert option_named(field).flag in error.what
    assert all((error.got, error.wanted, error.next_step))


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000",
        "https://h/base",
        "databricks",
        "databricks://p",
        "sqlite:////a@b.db",
    ],
)
def test_good_tracking_uris(uri: str) -> None:
    assert build(mlflow=uri).mlflow == uri


@pytest.mark.parametrize("text", [text for field, text in BAD if "hush" in text])
def test_secrets_are_not_repeated(text: str) -> None:
    with pytest.raises(OptionError) as refused:
        build(mlflow=text)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("text", ["1", "8", "1,8", "1, 2 ,4", "65536"])
def test_good_batch_sizes(text: str) -> None:
    assert build(batch_sizes=text).batch_sizes == tuple(int(part) for part in text.split(","))


@pytest.mark.parametrize("text", ["auto", "cpu", "cuda", "cuda:3", "mps"])
def test_good_devices(text: str) -> None:
    assert build(device=text).device == text


def test_relative_paths_start_from_where_they_were_written() -> None:
    config = build_config({"data_path": ("q.jsonl", Path("/ini")), "metrics_dir": ("m", HERE)})
    assert (config.data_path, config.metrics_dir) == (Path("/ini/q.jsonl"), HERE / "m")
    assert build(data_path="/elsewhere/q.jsonl").data_path == Path("/elsewhere/q.jsonl")


def test_a_reference_starts_from_where_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ini, working = tmp_path / "ini", tmp_path / "working"
    for folder in (ini / "models" / "t", working / "models" / "s"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(working)
    found = build_config(
        {
            "teacher": ("models/t", ini),
            "student": ("models/s", working),
            "control": ("org/name@v1", ini),
            "base_model": ("models/s", ini),
        }
    )
    assert found.teacher == str(ini / "models" / "t")
    assert found.student == "models/s", "as the user gave it"
    assert found.control == "org/name@v1"
    assert found.base_model == "models/s", "there is nothing of that name beside the ini file"


def test_scores_are_kept_in_the_default_folder_unless_told_otherwise() -> None:
    config = build_config({})
    assert (config.score_cache, config.no_score_cache, config.rehash) == (None, False, False)
    assert build(score_cache="cache").score_cache == HERE / "cache"
    assert build(no_score_cache="true").no_score_cache is True


def test_nothing_is_allowed_unasked() -> None:
    config = build_config({})
    assert (config.trust_remote_code, config.allow_pickle) == (False, False)
    assert build(allow_pickle="true").allow_pickle is True
    assert build(trust_remote_code="true", allow_pickle="false").allow_pickle is False


@given(st.text())
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        limit = build(limit=text).limit
    except OptionError:
        return
    assert limit is not None
    assert limit >= 1
