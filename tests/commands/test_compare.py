"""``distill-bench compare``: the table, its order, its dashes, its pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.commands.written_runs import (
    HOSTILE_NAMES,
    Json,
    made_documents,
    output_of,
    write_run,
)

UNUSABLE = 4
Capture = pytest.CaptureFixture[str]


def changed(**figures: Any) -> Json:
    """The run of another student, with other figures."""
    document, _ = made_documents()
    document["student"]["reference"] = figures.pop("student")
    accuracy = figures.pop("accuracy", None)
    if accuracy is not None:
        right = round(accuracy * 120)
        text = "1" * right + "0" * (120 - right)
        document["student"]["accuracy"] |= {
            "accuracy": right / 120,
            "correct_by_question": text,
        }
    seconds = figures.pop("inference_time_s", None)
    if seconds is not None:
        document["student"]["benchmark"]["inference_time_s"] = seconds
    size = figures.pop("disk_bytes", None)
    if size is not None:
        document["student"]["size"]["disk_bytes"] = size
    assert not figures
    return document


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """Large and good, middling, and beaten in everything by the second."""
    runs = {
        "large": changed(student="m/large", accuracy=0.9, inference_time_s=0.4, disk_bytes=9000),
        "middle": changed(student="m/middle", accuracy=0.7, inference_time_s=0.2, disk_bytes=4000),
        "poor": changed(student="m/poor", accuracy=0.5, inference_time_s=0.3, disk_bytes=5000),
    }
    return [write_run(tmp_path / name, document) for name, document in runs.items()]


def board(capsys: Capture, *words: object) -> Json:
    status, out, err = output_of(capsys, "compare", *words, "--json")
    assert (status, err) == (0, "")
    found: Json = json.loads(out)
    return found


def students(found: Mapping[str, Any]) -> list[str]:
    return [each["student"].removeprefix("m/") for each in found["runs"]]


def test_best_first_with_the_front_marked(three: list[Path], capsys: Capture) -> None:
    found = board(capsys, *three)
    assert students(found) == ["large", "middle", "poor"]
    assert [each["front"] for each in found["runs"]] == [
        ["time", "size"],
        ["time", "size"],
        [],
    ]
    status, out, _ = output_of(capsys, "compare", *three)
    assert status == 0
    names = [line.split()[1] for line in out.splitlines() if line[:1].strip().isdigit()][:3]
    assert names == ["large", "middle", "poor"]
    table = out[: out.index("best first")]
    assert max(map(len, table.splitlines())) <= 80
    assert "90.0 %" in table
    assert "400 ms" in table
    assert "9.00 kB" in table


@pytest.mark.parametrize(
    ("metric", "order"),
    [
        ("accuracy", ["large", "middle", "poor"]),
        ("inference_time_s", ["middle", "poor", "large"]),
        ("disk_bytes", ["middle", "poor", "large"]),
    ],
)
def test_sorted_by_any_metric(
    metric: str, order: list[str], three: list[Path], capsys: Capture
) -> None:
    assert students(board(capsys, *three, "--sort", metric)) == order


def test_a_metric_that_sorts_is_shown(three: list[Path], capsys: Capture) -> None:
    found = board(capsys, *three, "--metric", "accuracy", "--sort", "kappa")
    assert found["metrics"] == ["accuracy", "kappa"]
    assert set(found["runs"][0]["figures"]) == {"accuracy", "kappa"}


def test_what_is_missing_comes_last(three: list[Path], tmp_path: Path, capsys: Capture) -> None:
    without = changed(student="m/unknown")
    without["student"]["accuracy"] |= {"accuracy": None, "correct_by_question": None}
    without["reasons"]["student.accuracy.accuracy"] = "nobody asked"
    path = write_run(tmp_path / "unknown", without)
    assert students(board(capsys, *three, path))[-1] == "unknown"
    out = output_of(capsys, "compare", *three, path)[1]
    assert "—a: nobody asked" in out


def test_what_does_not_compare_is_a_dash_with_its_reason(
    three: list[Path], tmp_path: Path, capsys: Capture
) -> None:
    elsewhere = changed(student="m/elsewhere", accuracy=0.6, disk_bytes=7000)
    elsewhere["environment"]["machine"]["cpu"] = "another"
    path = write_run(tmp_path / "elsewhere", elsewhere)
    found = board(capsys, *three, path)
    figures = next(r for r in found["runs"] if r["student"] == "m/elsewhere")["figures"]
    assert figures["accuracy"]["value"] == pytest.approx(0.6)
    assert figures["disk_bytes"]["value"] == 7000
    assert figures["inference_time_s"]["value"] is None
    assert figures["inference_time_s"]["why"].startswith("processor: another here, ")
    out = output_of(capsys, "compare", *three, path)[1]
    assert "— a" in out
    assert "—a: processor: another here, " in " ".join(out.split())
    assert len(found["pairs"]) == 6, "answers compare between machines"


def test_other_questions_leave_sizes(three: list[Path], tmp_path: Path, capsys: Capture) -> None:
    other = changed(student="m/other", accuracy=0.99, disk_bytes=1)
    other["dataset"]["digest"] = "another"
    path = write_run(tmp_path / "other", other)
    found = board(capsys, *three, path)
    last = found["runs"][-1]
    assert last["student"] == "m/other"
    assert {name: each["value"] for name, each in last["figures"].items()} == {
        "accuracy": None,
        "knowledge_retention_pct": None,
        "inference_time_s": None,
        "disk_bytes": 1,
    }
    assert last["front"] == []
    assert len(found["pairs"]) == 3


def test_pairs_with_holms_correction(three: list[Path], capsys: Capture) -> None:
    found = board(capsys, *three)
    assert [(each["first"], each["second"]) for each in found["pairs"]] == [(1, 2), (1, 3), (2, 3)]
    for pair in found["pairs"]:
        assert pair["difference"] > 0
        assert pair["ci95"][0] < pair["difference"] < pair["ci95"][1]
        assert pair["only_first_right"] == round(120 * pair["difference"])
        assert pair["only_second_right"] == 0
        assert pair["p_mcnemar"] <= pair["p_holm"] < 0.001
        assert pair["sources_known"] is False
    out = output_of(capsys, "compare", *three)[1]
    assert "exact McNemar, Holm's correction over 3 pairs" in " ".join(out.split())
    assert "+20.0 points" in out
    assert "take the questions as independent" in " ".join(out.split())


def test_pairs_turn_with_the_order(three: list[Path], capsys: Capture) -> None:
    """Sorted by size the large one comes last: its differences are told the other way round."""
    by_accuracy = board(capsys, *three)["pairs"][0]
    by_size = board(capsys, *three, "--sort", "disk_bytes")
    turned = next(each for each in by_size["pairs"] if (each["first"], each["second"]) == (1, 3))
    assert students(by_size)[0] == "middle"
    assert students(by_size)[2] == "large"
    assert turned["difference"] == pytest.approx(-by_accuracy["difference"])
    assert turned["ci95"] == pytest.approx([-each for each in by_accuracy["ci95"][::-1]])
    assert turned["only_second_right"] == by_accuracy["only_first_right"]


def test_answers_beside_a_run_tell_the_sources(tmp_path: Path, capsys: Capture) -> None:
    document, comparison = made_documents()
    one = write_run(tmp_path / "one", document, comparison)
    two = write_run(tmp_path / "two", changed(student="m/two", accuracy=0.5))
    (pair,) = board(capsys, one, two)["pairs"]
    assert pair["sources_known"] is True
    assert "independent" not in output_of(capsys, "compare", one, two)[1]


def test_one_run_alone(three: list[Path], capsys: Capture) -> None:
    found = board(capsys, three[0])
    assert len(found["runs"]) == 1
    assert found["pairs"] == []
    assert "in pairs" not in output_of(capsys, "compare", three[0])[1]


def test_many_runs(tmp_path: Path, capsys: Capture) -> None:
    """Of 45 pairs the surest 20 are shown."""
    paths = [
        write_run(tmp_path / str(n), changed(student=f"m/{n}", accuracy=0.5 + n / 40))
        for n in range(10)
    ]
    out = output_of(capsys, "compare", *paths)[1]
    assert "25 more pairs: --json has them all" in out
    assert out.count(" : ") >= 20


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--sort", "beauty"), "--sort names no metric"),
        (("--sort", "acuracy"), "did you mean 'accuracy'?"),
        (("--sort", "position_shares"), "--sort position_shares cannot be shown"),
        (("--sort", "mcnemar_p"), "--sort mcnemar_p tells no order"),
        (("--metric", "chance_accuracy"), "--metric chance_accuracy cannot be shown"),
        (("--metric", "x" * 9999), "--metric names no metric"),
    ],
)
def test_metrics_that_cannot_be_used(
    words: tuple[str, str], what: str, three: list[Path], capsys: Capture
) -> None:
    status, out, err = output_of(capsys, "compare", *three, *words)
    assert (status, out) == (UNUSABLE, "")
    assert what in err
    assert len(err) < 1000


def test_a_bad_file_is_named(three: list[Path], tmp_path: Path, capsys: Capture) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}", encoding="utf-8")
    status, out, err = output_of(capsys, "compare", *three, bad)
    assert (status, out) == (UNUSABLE, "")
    assert str(bad) in err


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_shown_and_do_nothing(name: str, tmp_path: Path, capsys: Capture) -> None:
    document = changed(student=name)
    document["teacher"]["reference"] = name
    document["created_at"] = name
    document["student"]["accuracy"]["accuracy"] = None
    document["reasons"]["student.accuracy.accuracy"] = name
    one, two = write_run(tmp_path / "one", document), write_run(tmp_path / "two", document)
    status, out, err = output_of(capsys, "compare", one, two)
    assert (status, err) == (0, "")
    for each in ("\x1b", "\x07", "\x9b", "\u202e", "\r", "\u0000"):
        assert each not in out
    said = board(capsys, one, two)
    assert said["runs"][0]["student"] == name


def test_the_same_students_are_told_apart(tmp_path: Path, capsys: Capture) -> None:
    paths = [write_run(tmp_path / n, changed(student=f"{n}/tiny")) for n in ("a", "b")]
    out = output_of(capsys, "compare", *paths)[1]
    assert "a/tiny" in out
    assert "b/tiny" in out


def test_a_partial_run_says_so(three: list[Path], tmp_path: Path, capsys: Capture) -> None:
    document = changed(student="m/some")
    document["run"]["partial"] = True
    path = write_run(tmp_path / "some", document)
    assert "(partial)" in output_of(capsys, "compare", *three, path)[1]
