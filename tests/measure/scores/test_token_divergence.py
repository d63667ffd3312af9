"""Next-token divergence and bits per byte."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from distill_fixtures.errors import NotFiniteScoreError
from distill_fixtures.measure.scores.token_divergence import compare_tokens
from distill_fixtures.models.protocol import TextReading
from distill_fixtures.records import TokenComparison, Undefined
from tests.fakes import FakeModel


class Reader(FakeModel):
    """Says one distribution at every place; a token a character, all of id 0."""

    def __init__(self, probabilities: Sequence[float] | None, tokenizer: str = "same") -> None:
        super().__init__(tokenizer_digest=tokenizer)
        self.probabilities = probabilities

    def read_texts(self, texts: Sequence[str]) -> Sequence[TextReading] | Undefined:
        if self.probabilities is None:
            return Undefined("behind a server")
        logs = np.log(np.array(self.probabilities, dtype=np.float32))
        return [
            TextReading(np.zeros(len(text), dtype=np.int64), np.tile(logs, (len(text), 1)))
            for text in texts
        ]


def compared(teacher: Any, student: Any, texts: Sequence[str] = ("abcd", "ef")) -> TokenComparison:
    found = compare_tokens(teacher, student, texts)
    assert isinstance(found, TokenComparison)
    return found


def test_by_hand() -> None:
    """KL((1/2, 1/2) || (1/4, 3/4)) = ln 2 - ln(3) / 2; 1 and 2 bits a byte."""
    found = compared(Reader([0.5, 0.5]), Reader([0.25, 0.75]))
    assert found.token_kl_nats == pytest.approx(math.log(2) - math.log(3) / 2, rel=1e-6)
    assert found.bits_per_byte == pytest.approx({"teacher": 1.0, "student": 2.0})


def test_a_model_against_itself_is_zero() -> None:
    assert compared(Reader([0.2, 0.8]), Reader([0.2, 0.8])).token_kl_nats == 0.0


def test_many_texts_go_in_parts_and_are_all_told() -> None:
    told: list[int] = []
    texts = ["ab"] * 40
    found = compare_tokens(Reader([0.5, 0.5]), Reader([0.5, 0.5]), texts, progress=told.append)
    assert isinstance(found, TokenComparison)
    assert sum(told) == 40
    assert len(told) > 1


def test_bytes_and_not_characters() -> None:
    """'é' is two bytes in UTF-8, and one token here."""
    found = compared(Reader([0.5, 0.5]), Reader([0.5, 0.5]), ["é"])
    assert found.bits_per_byte["teacher"] == pytest.approx(0.5)


def test_other_tokenizers_leave_bits_per_byte() -> None:
    found = compared(Reader([0.5, 0.5]), Reader([0.5, 0.5], tokenizer="another"))
    assert isinstance(found.token_kl_nats, Undefined)
    assert found.bits_per_byte["student"] == pytest.approx(1.0)


def test_rows_of_padding_are_left_out() -> None:
    """A vocabulary rounded up has rows that hold no token."""
    found = compared(Reader([0.5, 0.5]), Reader([0.5, 0.5, 1e-9]))
    assert found.token_kl_nats == pytest.approx(0.0, abs=1e-6)


def test_a_model_that_cannot_say() -> None:
    found = compare_tokens(Reader([0.5, 0.5]), Reader(None), ["ab"])
    assert isinstance(found, Undefined)
    assert found.reason == "behind a server"


def test_nan_stops() -> None:
    with pytest.raises(NotFiniteScoreError):
        compare_tokens(Reader([math.nan, 0.5]), Reader([0.5, 0.5]), ["ab"])
