"""What two runs must share for their figures to be compared."""

from __future__ import annotations

from typing import Any

import pytest

from distill_fixtures.catalog import Origin
from distill_fixtures.judge.comparability import conditions_of, differences

DOCUMENT: dict[str, Any] = {
    "environment": {
        "machine": {"cpu": "A", "logical_cores": 8, "usable_cores": 4, "system": "Linux x86_64"},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.0"},
        "device": "cpu",
        "dtype": "float32",
    },
    "run": {
        "options": {
            "--distill-new-tokens": 32,
            "--benchmark-samples": 10,
            "--distill-batch-sizes": [1, 8],
        }
    },
    "dataset": {"digest": "a" * 64, "scoring": "cloze", "prompt_digest": "b" * 64},
    "teacher": {"digest": "c" * 64},
    "process_timing": {"device": "cpu", "dtype": "float32", "threads": 2},
}


def changed(*path: str, to: object) -> dict[str, Any]:
    """The document with one value replaced."""

    def replaced(part: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
        value = to if len(rest) == 1 else replaced(part[rest[0]], rest[1:])
        return part | {rest[0]: value}

    return replaced(DOCUMENT, path)


def test_a_run_compares_with_itself() -> None:
    conditions = conditions_of(DOCUMENT)
    assert len(conditions) == 19
    assert differences(conditions, conditions, ["answers", "size", "memory", "time"]) == ()


@pytest.mark.parametrize(
    ("path", "to", "kept_apart"),
    [
        (("environment", "machine", "cpu"), "B", {"memory", "time"}),
        (("environment", "versions", "torch"), "2.12.0", {"memory", "time"}),
        (("environment", "device"), "cuda", {"memory", "time"}),
        (("process_timing", "threads"), 1, {"time"}),
        (("teacher", "digest"), "d" * 64, {"time"}),
        (("dataset", "digest"), "d" * 64, {"answers", "memory", "time"}),
        (("dataset", "scoring"), "letter", {"answers", "memory", "time"}),
        (("run", "options", "--distill-new-tokens"), 8, {"memory", "time"}),
        (("run", "options", "--distill-batch-sizes"), [1], {"memory"}),
    ],
)
def test_what_each_difference_keeps_apart(
    path: tuple[str, ...], to: object, kept_apart: set[str]
) -> None:
    before, now = conditions_of(DOCUMENT), conditions_of(changed(*path, to=to))
    origins: tuple[Origin, ...] = ("answers", "size", "memory", "time")
    assert {each for each in origins if differences(before, now, [each])} == kept_apart
    (found,) = differences(before, now, origins)
    assert str(found.current) == (f"{to}"[:12] if len(str(to)) == 64 else str(to))


def test_what_a_run_does_not_know_keeps_nothing_apart() -> None:
    before = conditions_of(changed("environment", "device", to=None))
    assert "device" not in before
    assert differences(before, conditions_of(DOCUMENT), ["time"]) == ()
    assert "threads" not in conditions_of(changed("process_timing", to=None))


def test_what_every_timing_tells_must_be_told() -> None:
    before = conditions_of(changed("teacher", "digest", to=None))
    now = conditions_of(DOCUMENT)
    for one, other, said in (
        (before, now, ("not told", "cccccccccccc")),
        (now, before, ("cccccccccccc", "not told")),
    ):
        (found,) = differences(one, other, ["time"])
        assert (found.what, found.baseline, found.current) == ("teacher", *said)
        assert differences(one, other, ["answers", "memory", "size"]) == ()


def test_a_difference_is_said_once_for_several_kinds() -> None:
    before, now = conditions_of(DOCUMENT), conditions_of(changed("dataset", "digest", to="d" * 64))
    (found,) = differences(before, now, ["answers", "time"])
    assert str(found) == "questions: aaaaaaaaaaaa in the baseline, dddddddddddd now"
