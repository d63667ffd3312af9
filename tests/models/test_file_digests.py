"""A file is read again when it may have changed, and only then."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.errors import CacheError
from distill_fixtures.models import file_digests
from distill_fixtures.models.file_digests import DIGESTS_FILE, FileDigests
from distill_fixtures.models.folders import FolderRules, runs_code_from_elsewhere
from distill_fixtures.models.identity import card_of_plan, digest_of_plan
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.references import resolve_reference
from tests.tiny_models import save_adapter, save_llama

LATER_NS = 10_000_000_000


def later() -> int:
    """A moment at which a file written just now has been left alone for long."""
    return time.time_ns() + LATER_NS


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_a_second_start_reads_nothing(tmp_path: Path, reads: list[str]) -> None:
    digest = write(tmp_path / "weights", b"w" * 100)
    for _ in range(3):
        digests = FileDigests(tmp_path / "cache", now_ns=later)
        assert [digests.of(tmp_path / "weights") for _ in range(2)] == [digest] * 2
        digests.close()
        digests.close()
    assert reads == ["weights"]


def test_without_a_folder_a_process_reads_once(tmp_path: Path, reads: list[str]) -> None:
    digest = write(tmp_path / "weights", b"w")
    digests = FileDigests(now_ns=later)
    assert [digests.of(tmp_path / "weights") for _ in range(2)] == [digest] * 2
    assert reads == ["weights"]


def test_a_changed_byte_is_seen_also_where_size_and_mtime_stay(
    tmp_path: Path, reads: list[str]
) -> None:
    path = tmp_path / "weights"
    digests = FileDigests(tmp_path / "cache", now_ns=later)
    first = write(path, b"one way")
    assert digests.of(path) == first
    status = path.stat()
    second = write(path, b"another"[:7])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert digests.of(path) == second != first
    digests.close()
    assert len(reads) == 2


def test_a_file_put_in_its_place_is_another(tmp_path: Path) -> None:
    path, other = tmp_path / "weights", tmp_path / "other"
    digests = FileDigests(now_ns=later)
    write(path, b"one")
    digest = write(other, b"two")
    os.utime(other, ns=(0, path.stat().st_mtime_ns))
    digests.of(path)
    other.replace(path)
    assert digests.of(path) == digest


def test_a_file_that_changed_just_now_is_not_kept(tmp_path: Path, reads: list[str]) -> None:
    """Within a time stamp's coarseness a second change would not be seen."""
    path = tmp_path / "weights"
    write(path, b"w")
    changed_ns = max(path.stat().st_mtime_ns, path.stat().st_ctime_ns)
    moment = [changed_ns + 1_999_999_999]
    digests = FileDigests(tmp_path / "cache", now_ns=lambda: moment[0])
    for _ in range(2):
        digests.of(path)
    assert len(reads) == 2
    moment[0] += 1
    for _ in range(2):
        digests.of(path)
    assert len(reads) == 3
    digests.close()


def test_a_file_from_the_future_is_not_kept(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "weights"
    write(path, b"w")
    os.utime(path, ns=(0, time.time_ns() + 3600 * 10**9))
    digests = FileDigests(now_ns=later)
    for _ in range(2):
        digests.of(path)
    assert len(reads) == 2


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    write(path, b"old")
    read = file_digests._read_digest

    def overtaken(path: Path) -> str:
        found = read(path)
        path.write_bytes(b"new and longer")
        return found

    digests = FileDigests(now_ns=later)
    with monkeypatch.context() as patch:
        patch.setattr(file_digests, "_read_digest", overtaken)
        digests.of(path)
    assert digests.of(path) == hashlib.sha256(b"new and longer").hexdigest()


def test_rehashing_reads_every_file_once(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "weights"
    digest = write(path, b"w")
    first = FileDigests(tmp_path / "cache", now_ns=later)
    first.of(path)
    first.close()
    with sqlite3.connect(tmp_path / "cache" / DIGESTS_FILE) as connection:
        connection.execute("UPDATE digests SET sha256 = ?", ("0" * 64,))
    connection.close()
    fooled = FileDigests(tmp_path / "cache", now_ns=later)
    assert fooled.of(path) == "0" * 64
    fooled.close()
    again = FileDigests(tmp_path / "cache", rehash=True, now_ns=later)
    assert [again.of(path) for _ in range(2)] == [digest] * 2
    again.close()
    assert len(reads) == 2
    mended = FileDigests(tmp_path / "cache", now_ns=later)
    assert mended.of(path) == digest
    mended.close()


@pytest.mark.parametrize("value", ["", "A" * 64, "0" * 63, "0" * 65, b"0" * 64])
def test_a_kept_digest_that_is_none(tmp_path: Path, value: object) -> None:
    path = tmp_path / "weights"
    write(path, b"w")
    digests = FileDigests(tmp_path / "cache", now_ns=later)
    digests.of(path)
    digests.close()
    with sqlite3.connect(tmp_path / "cache" / DIGESTS_FILE) as connection:
        connection.execute("UPDATE digests SET sha256 = ?", (value,))
    connection.close()
    again = FileDigests(tmp_path / "cache", now_ns=later)
    with pytest.raises(CacheError, match="cannot be used"):
        again.of(path)
    again.close()


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    digest = write(path, b"w")
    digests = FileDigests(tmp_path / "cache", now_ns=later)
    assert digests.of(path) == digest
    digests.close()


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileDigests().of(tmp_path / "none")


# What makes a model.


def alter(path: Path) -> None:
    """Change a byte of a weights file; add a line to any other, or make it."""
    content = path.read_bytes() if path.exists() else b""
    changed = bytes([content[-1] ^ 1]) if path.suffix == ".safetensors" else content[-1:] + b"\n"
    path.write_bytes(content[:-1] + changed)


def test_a_model_is_known_without_reading_its_weights(tmp_path: Path, reads: list[str]) -> None:
    plan = resolve_reference(str(save_llama(tmp_path / "m")))
    found = []
    for _ in range(2):
        digests = FileDigests(tmp_path / "cache", now_ns=later)
        found.append(card_of_plan(plan, digests).digest)
        digests.close()
    assert found[0] == found[1] == digest_of_plan(plan)
    assert reads.count("model.safetensors") == 2, "once for the cache, once without"


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "vocab.json",
        "additional_chat_templates/tool.jinja",
    ],
)
def test_every_file_that_a_loader_reads_counts(tmp_path: Path, name: str) -> None:
    folder = save_llama(tmp_path / "m")
    path = folder / name
    before = digest_of_plan(resolve_reference(str(folder)))
    path.parent.mkdir(exist_ok=True)
    alter(path)
    assert digest_of_plan(resolve_reference(str(folder))) != before


def test_a_file_that_no_loader_reads_does_not_count(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    before = digest_of_plan(resolve_reference(str(folder)))
    for name in ("README.md", "training_args.bin", "optimizer.pt", "train.py"):
        (folder / name).write_text("x")
    assert digest_of_plan(resolve_reference(str(folder))) == before


def test_code_counts_where_it_may_run(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    trusting = FolderRules(trust_remote_code=True)
    found = []
    for text in (None, "x = 1\n", "x = 2\n"):
        if text is not None:
            (folder / "modeling_mine.py").write_text(text)
        found.append(digest_of_plan(resolve_reference(str(folder), rules=trusting)))
    assert len(set(found)) == 3
    assert digest_of_plan(resolve_reference(str(folder))) == found[0]


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_and_its_base_count(tmp_path: Path, name: str) -> None:
    base = save_llama(tmp_path / "base")
    adapter = save_adapter(tmp_path / "adapter", base)
    found = [digest_of_plan(resolve_reference(str(adapter)))]
    for path in (base / "generation_config.json", adapter / name):
        alter(path)
        found.append(digest_of_plan(resolve_reference(str(adapter))))
    assert len(set(found)) == 3


def test_code_in_another_repository_is_told() -> None:
    """No digest of the model's folder says whether it is still the same."""
    auto_map = {"AutoModelForCausalLM": "org/name--modeling.Model"}
    plan = ModelPlan("m", "full", Path("/m"), config={"auto_map": auto_map})
    trusting = replace(plan, trust_remote_code=True)
    own = replace(trusting, config={"auto_map": {"AutoConfig": "modeling.Config"}})
    over = replace(own, kind="adapter", config={}, base=trusting)
    cases = (plan, own, trusting, over)
    assert [runs_code_from_elsewhere(each) for each in cases] == [False, False, True, True]
