"""Which echoed log-probabilities are a continuation's."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.models.served.echo import (
    Echo,
    EchoError,
    continuation_log_likelihood,
    without_begin,
)

# "Sky: blue." and one token written after it.
SKY = Echo(
    tokens=["Sky", ":", " blue", ".", " And"],
    log_probs=[None, -1.0, -0.5, -0.25, -3.0],
    offsets=[0, 3, 4, 9, 10],
    best_log_probs=[None, -1.0, -0.5, -0.25, -3.0],
    written=1,
)


def test_by_hand() -> None:
    assert continuation_log_likelihood(SKY, "Sky:", " blue.") == -0.75
    assert continuation_log_likelihood(SKY, "Sky: blue", ".") == -0.25
    assert continuation_log_likelihood(SKY, "Sky", ": blue.") == -1.75


def test_a_token_that_begins_every_text() -> None:
    with_first = replace(
        SKY,
        tokens=["<s>", *SKY.tokens],
        log_probs=[None, -7.0, *SKY.log_probs[1:]],
        offsets=None,
        best_log_probs=None,
    )
    assert continuation_log_likelihood(with_first, "Sky:", " blue.") == -0.75
    # Then the first word has a log-probability too.
    assert continuation_log_likelihood(with_first, "", "Sky: blue.") == -8.75


def test_a_token_put_before_the_prompt_is_taken_off_with_its_offset() -> None:
    shown = Echo(
        ["<s>", *SKY.tokens],
        [None, -9.0, *SKY.log_probs[1:]],
        [0, *(3 + start for start in SKY.offsets or ())],
        [None, *(SKY.best_log_probs or ())],
        written=1,
    )
    found = without_begin(shown, "<s>")
    assert found == replace(SKY, log_probs=[-9.0, *SKY.log_probs[1:]])
    assert without_begin(SKY, "<s>") == SKY, "a server that does not show it"


def test_the_prompt_alone_where_a_token_was_written_is_refused() -> None:
    prompt = replace(SKY, tokens=SKY.tokens[:-1], log_probs=[None, -0.5, -0.25, -3.0])
    prompt = replace(prompt, offsets=None, best_log_probs=None)
    with pytest.raises(EchoError, match="the prompt's tokens alone"):
        continuation_log_likelihood(prompt, "Sky:", " blue.")


def test_nothing_written() -> None:
    read = Echo(SKY.tokens[:-1], SKY.log_probs[:-1], None, None, written=0)
    assert continuation_log_likelihood(read, "Sky:", " blue.") == -0.75


def test_a_token_across_the_border_is_the_continuation_s() -> None:
    assert continuation_log_likelihood(SKY, "Sky: b", "lue.") == -0.75


def test_characters_of_several_tokens_are_told_by_offsets() -> None:
    # "é: é" where each é is two tokens without a text of their own.
    echo = Echo(
        tokens=["\ufffd", "\ufffd", ":", " ", "\ufffd", "\ufffd", "x"],
        log_probs=[None, -1.0, -2.0, -4.0, -8.0, -16.0, -32.0],
        offsets=[0, 0, 1, 2, 3, 3, 4],
        best_log_probs=None,
        written=1,
    )
    assert continuation_log_likelihood(echo, "é:", " é") == -28.0
    with pytest.raises(EchoError, match="no offsets"):
        continuation_log_likelihood(replace(echo, offsets=None), "é:", " é")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"log_probs": [None, -1.0]}, "5 tokens with 2"),
        ({"written": 5}, "5 were written"),
        ({"written": -1}, "-1 were written"),
        ({"log_probs": [None, -1.0, None, -0.25, -3.0]}, "token 2"),
        ({"log_probs": [None, -1.0, -0.5, 0.25, -3.0]}, "a log-probability of 0.25"),
        ({"tokens": ["Sea", ":", " blue", ".", " And"], "offsets": None}, "not the prompt's"),
        ({"tokens": ["Sea", ":", " blue", ".", " And"], "offsets": [0, 3, 2, 9, 10]}, "not rise"),
        ({"tokens": ["Sea", ":", " blue", ".", " And"], "offsets": [0, 3]}, "not rise"),
        ({"tokens": ["Sea", ":", " blue", ".", " And"], "offsets": [0, 3, 4, 99, 9]}, "of 99"),
        # Shifted by one: the written token has its neighbour's value.
        ({"log_probs": [-1.0, -0.5, -0.25, -3.0, -9.0]}, "other tokens than their own"),
    ],
)
def test_what_does_not_fit_together(changes: dict[str, object], said: str) -> None:
    with pytest.raises(EchoError, match=said):
        continuation_log_likelihood(replace(SKY, **changes), "Sky:", " blue.")  # type: ignore[arg-type]


TOKENS = st.lists(st.text("ab \n", min_size=1, max_size=4), min_size=2, max_size=12)


@given(
    tokens=TOKENS,
    data=st.data(),
    begins=st.sampled_from([None, "<s>"]),
    written=st.integers(0, 2),
)
def test_any_text_in_any_tokens(
    tokens: list[str], data: st.DataObject, begins: str | None, written: int
) -> None:
    """A sum over the tokens after the border, however the server begins and what it writes."""
    values = data.draw(st.lists(st.floats(-50.0, 0.0), min_size=len(tokens), max_size=len(tokens)))
    border = data.draw(st.integers(1, len(tokens) - 1))
    first = [] if begins is None else [begins]
    echo = Echo(
        tokens=[*first, *tokens, *["w"] * written],
        log_probs=[*[None] * len(first), *values, *[-1.0] * written],
        offsets=None,
        best_log_probs=None,
        written=written,
    )
    context, continuation = "".join(tokens[:border]), "".join(tokens[border:])
    found = continuation_log_likelihood(echo, context, continuation)
    assert found == math.fsum(values[border:])
