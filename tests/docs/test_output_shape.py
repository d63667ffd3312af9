"""What counts as the same output."""

from __future__ import annotations

import pytest

from tests.docs.output_shape import difference

TABLE = """\
                 teacher  student        change  good/poor  grade
─────────────────────────────────────────────────────────────────
Accuracy          91.4 %   85.2 %   93.2 % kept  >85 / <70  good
Time per sample  82.1 ms  33.3 ms  59.3 % saved  >30 / <0   good
verdict: good, gate: pass
"""


@pytest.mark.parametrize(
    "printed",
    [
        TABLE,
        "something before\n" + TABLE + "something after\n",
        TABLE.replace("82.1 ms", "1.21 s"),
        TABLE.replace("59.3 %", "-3 %").replace("<0   good", "<0   acceptable ?"),
        TABLE.replace("verdict: good", "verdict: acceptable"),
        TABLE.replace("verdict", "?: the interval holds a bound\nverdict"),
        TABLE.replace("─", "──").replace("91.4", "100.0"),
    ],
)
def test_the_same_shape(printed: str) -> None:
    assert difference(TABLE, printed) is None


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("", "printed: 'nothing'"),
        (TABLE.replace("kept  >85 / <70  good", "kept  >85 / <70  poor"), "<# poor"),
        (TABLE.replace("Accuracy ", "Precision"), "Precision"),
        (TABLE.replace("verdict", "a new row\nverdict"), "printed: 'a new row'"),
        (TABLE.replace("gate: pass", "gate: fail"), "gate: fail"),
    ],
)
def test_another_shape(printed: str, told: str) -> None:
    found = difference(TABLE, printed)
    assert found is not None
    assert told in found


def test_three_dots_stand_for_lines() -> None:
    assert difference("a\n...\nd\n", "a\nb\nc\nd\n") is None
    assert difference("a\n...\nd\n", "a\nd\n") is None
    assert difference("a\n...\nd\n", "d\na\n") is not None
