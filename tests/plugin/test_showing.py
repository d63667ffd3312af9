"""What goes into pytest-benchmark's storage."""

from __future__ import annotations

import json
from typing import Any

from distill_fixtures.metrics.section import Section
from distill_fixtures.plugin.showing import show
from distill_fixtures.records import Undefined


class Bench:
    """As much of pytest-benchmark's fixture as is used."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}

    def pedantic(self, *arguments: object, **options: object) -> None:
        """Plays nothing back."""


def test_what_is_undefined_is_null_with_its_reason_however_deep() -> None:
    section = Section(
        {
            "ttft_s": Undefined("nobody asked"),
            "by_batch_size": {
                "1": {"ttft_s": 0.5, "tpot_s": Undefined("one token")},
                "8": Undefined("the run ended before"),
            },
        },
        {"ttft_s": (0.25, 0.75)},
    )
    bench = Bench()
    show(bench, section)
    assert json.loads(json.dumps(bench.extra_info)) == {
        "ttft_s": None,
        "by_batch_size": {"1": {"ttft_s": 0.5, "tpot_s": None}, "8": None},
        "intervals": {"ttft_s": [0.25, 0.75]},
        "replayed": True,
        "reasons": {
            "ttft_s": "nobody asked",
            "by_batch_size.1.tpot_s": "one token",
            "by_batch_size.8": "the run ended before",
        },
    }
