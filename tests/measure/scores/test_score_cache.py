"""The file of scores: what comes back is what was kept, and nothing else is believed."""

from __future__ import annotations

import math
import sqlite3
import struct
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill_fixtures.errors import CacheError, UsageError
from distill_fixtures.measure.scores import score_keys
from distill_fixtures.measure.scores.score_cache import SCORES_FILE, ScoreCache
from distill_fixtures.measure.scores.score_keys import ModelIdentity, model_key, request_key
from distill_fixtures.models import cache_file
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    Scored,
    ScoreRequest,
)
from distill_fixtures.models.scorer_version import SCORER_VERSION

IDENTITY = ModelIdentity("digest", "cpu", "float32")
MODEL = model_key(IDENTITY)
REQUEST = ScoreRequest("q1", "context", (" one", " two"))
SCORED = Scored((-1.25, -math.pi), truncated=True)


def refused(error: CacheError, path: Path) -> None:
    """The message names the file and says how to go on."""
    assert isinstance(error, UsageError)
    assert str(path) in error.what
    assert all((error.got, error.wanted))
    assert "delete" in error.next_step
    assert "--distill-no-score-cache" in error.next_step


def change(folder: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(folder / SCORES_FILE) as connection:
        connection.execute(statement, values)
    connection.close()


def test_scores_come_back_to_the_bit(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "made" / "for it")
    requests = [
        ScoreRequest(f"q{n}", f"context {n}", (" a", " b", " c")[: n % 3 + 1]) for n in range(1200)
    ]
    results = [
        Scored(tuple(-math.sqrt(n + k) for k in range(len(request.continuations))), n % 2 == 1)
        for n, request in enumerate(requests)
    ]
    some = list(zip(requests, results, strict=True))[::2]
    cache.keep_likelihoods(MODEL, some)
    assert cache.likelihoods(MODEL, requests) == {2 * n: each[1] for n, each in enumerate(some)}
    cache.close()
    again = ScoreCache(tmp_path / "made" / "for it")
    assert again.likelihoods(MODEL, requests[::2]) == {n: each[1] for n, each in enumerate(some)}
    again.close()
    again.close()


def test_texts_come_back(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    requests = [GenerateRequest(f"q{n}", f"prompt {n}") for n in range(3)]
    texts = [Generated("ħω \0 \U0001f600\n", truncated=True), Generated("")]
    cache.keep_texts(MODEL, zip(requests, texts, strict=False))
    assert cache.texts(MODEL, requests) == dict(enumerate(texts))
    assert cache.likelihoods(MODEL, [REQUEST]) == {}
    cache.close()


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    cache.keep_likelihoods(MODEL, [(REQUEST, Scored((-9.0, -9.0)))])
    assert cache.likelihoods(MODEL, [REQUEST, REQUEST]) == {0: SCORED, 1: SCORED}
    cache.close()


# Keys.


def test_the_name_of_a_request_does_not_matter() -> None:
    other = ScoreRequest("another id", REQUEST.context, REQUEST.continuations)
    assert request_key(other) == request_key(REQUEST)


texts = st.lists(st.text(max_size=4), min_size=1, max_size=4)


@settings(max_examples=300)
@given(texts, texts)
def test_no_two_requests_share_a_key(one: list[str], other: list[str]) -> None:
    keys = [request_key(ScoreRequest("q", each[0], tuple(each[1:]))) for each in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


def test_where_one_text_ends_is_part_of_the_key() -> None:
    keys = {
        request_key(ScoreRequest("q", context, options))
        for context, options in [("ab", ("c",)), ("a", ("bc",)), ("a", ("b", "c")), ("abc", ())]
    }
    assert len(keys) == 4


def test_whatever_makes_the_model_changes_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [GenerateSettings(8), GenerateSettings(9), GenerateSettings(8, ("\n",))]
    limits.append(GenerateSettings(8, stop_pattern="A|B"))
    keys = [
        model_key(IDENTITY),
        model_key(ModelIdentity("other digest", "cpu", "float32")),
        model_key(ModelIdentity("digest", "cuda:0", "float32")),
        model_key(ModelIdentity("digest", "cpu", "bfloat16")),
        *(model_key(IDENTITY, each) for each in limits),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(score_keys, "SCORER_VERSION", SCORER_VERSION + 1)
        keys.append(model_key(IDENTITY))
    with monkeypatch.context() as patch:
        patch.setattr(score_keys, "_version", lambda name: f"{name} 99")
        keys.append(model_key(IDENTITY))
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


def test_two_gpus_of_a_machine_are_one_device() -> None:
    first, second = (ModelIdentity("digest", f"cuda:{n}", "auto") for n in range(2))
    assert model_key(first) == model_key(second)


def test_another_model_misses(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    other = model_key(ModelIdentity("other", "cpu", "float32"))
    assert cache.likelihoods(other, [REQUEST]) == {}
    longer = ScoreRequest("q1", "context", (" one", " two", " three"))
    assert cache.likelihoods(MODEL, [longer]) == {}
    cache.close()


# Files that hold something else.


@pytest.mark.parametrize(
    "content", [b"this is no database, whatever it says", b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / SCORES_FILE
    path.write_bytes(content)
    with pytest.raises(CacheError) as caught:
        ScoreCache(tmp_path)
    refused(caught.value, path)
    assert path.read_bytes() == content


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / SCORES_FILE).mkdir()
    with pytest.raises(CacheError) as caught:
        ScoreCache(tmp_path)
    refused(caught.value, tmp_path / SCORES_FILE)


@pytest.mark.parametrize(
    "statement",
    [
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 7",
        "DROP TABLE texts",
    ],
)
def test_another_version_or_another_database(tmp_path: Path, statement: str) -> None:
    ScoreCache(tmp_path).close()
    change(tmp_path, statement)
    with pytest.raises(CacheError) as caught:
        ScoreCache(tmp_path)
    refused(caught.value, tmp_path / SCORES_FILE)


def test_somebody_elses_database(tmp_path: Path) -> None:
    change(tmp_path, "CREATE TABLE addresses (name TEXT)")
    with pytest.raises(CacheError, match="another kind or version"):
        ScoreCache(tmp_path)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("nats", struct.pack("<d", -1.0)),
        ("nats", struct.pack("<3d", -1.0, -2.0, -3.0)),
        ("nats", struct.pack("<2d", -1.0, math.nan)),
        ("nats", struct.pack("<2d", -math.inf, -1.0)),
        ("nats", "sixteen letters!"),
        ("nats", 7),
        ("truncated", 2),
        ("truncated", "yes"),
    ],
)
def test_scores_that_cannot_be_right(tmp_path: Path, column: str, value: object) -> None:
    cache = ScoreCache(tmp_path)
    cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    change(tmp_path, f"UPDATE likelihoods SET {column} = ?", value)
    with pytest.raises(CacheError) as caught:
        cache.likelihoods(MODEL, [REQUEST])
    refused(caught.value, tmp_path / SCORES_FILE)
    cache.close()


def test_a_text_that_is_none(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    prompt = GenerateRequest("q", "prompt")
    cache.keep_texts(MODEL, [(prompt, Generated("fine"))])
    for value in (b"bytes", b"\xff\xfe"):
        change(tmp_path, "UPDATE texts SET text = ?", value)
        with pytest.raises(CacheError):
            cache.texts(MODEL, [prompt])
    change(tmp_path, "UPDATE texts SET text = CAST(x'ff41' AS TEXT)")
    with pytest.raises(CacheError, match="cannot be used"):
        cache.texts(MODEL, [prompt])
    cache.close()


def test_a_file_damaged_in_its_middle(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    requests = [ScoreRequest("q", f"context {n}", (" x",)) for n in range(2000)]
    cache.keep_likelihoods(MODEL, [(each, Scored((-1.0,))) for each in requests])
    cache.close()
    path = tmp_path / SCORES_FILE
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xaa" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(CacheError) as caught:
        ScoreCache(tmp_path).likelihoods(MODEL, requests)
    refused(caught.value, path)


# A file that takes no more.


@pytest.mark.parametrize(
    ("pragma", "reason"), [("max_page_count = 5", "full"), ("query_only = ON", "readonly")]
)
def test_a_file_that_takes_no_more_is_warned_of_once(
    tmp_path: Path, pragma: str, reason: str
) -> None:
    told: list[str] = []
    cache = ScoreCache(tmp_path, warn=told.append)
    cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    cache._file._connection.execute(f"PRAGMA {pragma}")
    more = [(ScoreRequest("q", f"context {n}", (" x",)), Scored((-1.0,))) for n in range(2000)]
    cache.keep_likelihoods(MODEL, more)
    (sentence,) = told
    assert reason in sentence
    assert str(tmp_path / SCORES_FILE) in sentence
    cache.keep_likelihoods(MODEL, more)
    assert len(told) == 1
    # What was there is there, and of the failed transaction nothing.
    found = cache.likelihoods(MODEL, [REQUEST, *(request for request, _ in more)])
    assert found == {0: SCORED}
    cache.close()


def test_a_disk_without_room_for_an_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = cache_file.CacheFile._create

    def on_a_full_disk(self: cache_file.CacheFile, tables: dict[str, str], version: int) -> None:
        (row,) = self._connection.execute("PRAGMA database_list").fetchall()
        if row[2]:  # the name of a file
            self._connection.execute("PRAGMA max_page_count = 1")
        create(self, tables, version)

    monkeypatch.setattr(cache_file.CacheFile, "_create", on_a_full_disk)
    told: list[str] = []
    cache = ScoreCache(tmp_path, warn=told.append)
    cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    assert cache.likelihoods(MODEL, [REQUEST]) == {}
    assert len(told) == 1
    assert "full" in told[0]
    cache.close()
    monkeypatch.undo()
    mended = ScoreCache(tmp_path)
    mended.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    assert mended.likelihoods(MODEL, [REQUEST]) == {0: SCORED}
    mended.close()


def test_the_own_means_of_warning(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    cache._file._connection.execute("PRAGMA query_only = ON")
    with pytest.warns(cache_file.CacheWarning, match="takes no more values"):
        cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    cache.close()


def test_a_lock_that_stays_does_not_end_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_file, "WAIT_S", 0.01)
    told: list[str] = []
    cache = ScoreCache(tmp_path, warn=told.append)
    other = sqlite3.connect(tmp_path / SCORES_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache.keep_likelihoods(MODEL, [(REQUEST, SCORED)])
    other.execute("ROLLBACK")
    other.close()
    assert "locked" in told[0]
    cache.close()


# Several processes.

WRITER = """
import sys
from pathlib import Path
from distill_fixtures.measure.scores.score_cache import ScoreCache
from distill_fixtures.models.protocol import Scored, ScoreRequest

sys.stdin.read(1)  # all begin together, the making of the file included
cache = ScoreCache(Path(sys.argv[1]))
for start in range(0, 600, 6):
    requests = [ScoreRequest("q", f"context {n}", (" x",)) for n in range(start, start + 6)]
    cache.keep_likelihoods(b"m" * 32, [(each, Scored((-float(start),))) for each in requests])
    assert len(cache.likelihoods(b"m" * 32, requests)) == 6
cache.close()
"""


def test_processes_that_make_and_fill_one_file_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "cache")]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"!")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate()
        assert (writer.returncode, errors) == (0, b"")
    cache = ScoreCache(tmp_path / "cache")
    requests = [ScoreRequest("q", f"context {n}", (" x",)) for n in range(600)]
    found = cache.likelihoods(b"m" * 32, requests)
    assert found == {n: Scored((-float(n // 6 * 6),)) for n in range(600)}
    assert cache._file.rows("PRAGMA integrity_check", ()) == [("ok",)]
    assert cache._file.rows("SELECT count(*) FROM likelihoods", ()) == [(600,)]
    cache.close()


def test_a_prompt_that_tells_the_day_is_another_one_tomorrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Tomorrow(date):
        @classmethod
        def today(cls) -> Tomorrow:
            return cls(2999, 1, 1)

    kinds = (None, GenerateSettings(max_new_tokens=8))
    dated = ModelIdentity("digest", "cpu", "float32", dated=True)
    before = [model_key(each, kind) for each in (IDENTITY, dated) for kind in kinds]
    monkeypatch.setattr(score_keys, "date", Tomorrow)
    after = [model_key(each, kind) for each in (IDENTITY, dated) for kind in kinds]
    assert [one == other for one, other in zip(before, after, strict=True)] == [
        True,
        True,
        True,
        False,
    ]


def test_damage_while_writing_is_no_full_disk(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path)
    connection = sqlite3.connect(tmp_path / SCORES_FILE)
    connection.execute("DROP TABLE likelihoods")
    connection.close()
    request = ScoreRequest("q", "context", (" a", " b"))
    with pytest.raises(CacheError, match="no such table"):
        cache.keep_likelihoods(b"model", [(request, Scored((-1.0, -2.0)))])
    cache.close()
