"""Where a generated text ends, against decoding it whole after every token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.decoding import Step
from distill_fixtures.models.protocol import Generated, GenerateRequest, GenerateSettings
from distill_fixtures.models.text_stops import StopFinder
from distill_fixtures.tasks.answer_text import ANSWER_ENDS
from tests.fakes import make_card
from tests.tiny_models import VOCABULARY, make_llama, make_tokenizer

TOKENIZER = make_tokenizer()
PIECES = st.sampled_from(
    ["The correct answer is (", "B", ")", ".", "\n", " ", "photon", "ħ", "€", "\\boxed{C}", "\n\n"]
)


def plainly(ids: Sequence[int], settings: GenerateSettings) -> str | None:
    text = TOKENIZER.decode(list(ids), skip_special_tokens=True)
    ends = [text.index(stop) for stop in settings.stops if stop in text]
    if settings.stop_pattern is not None:
        found = re.search(settings.stop_pattern, text)
        ends += [] if found is None else [found.end()]
    return text[: min(ends)] if ends else None


def first_end(ids: Sequence[int], settings: GenerateSettings) -> tuple[int, str] | None:
    finder = StopFinder(TOKENIZER, settings)
    for count in range(1, len(ids) + 1):
        text = finder.end(ids[:count])
        assert text == plainly(ids[:count], settings)
        if text is not None:
            return count, text
    return None


@given(
    st.lists(PIECES, max_size=10).map(lambda pieces: TOKENIZER.encode("".join(pieces))),
    st.lists(st.integers(0, VOCABULARY - 1), max_size=6),
    st.lists(st.sampled_from([".", "\n\n", "ħ", "on ", "(B)", "€."]), max_size=2).map(tuple),
    st.sampled_from([None, ANSWER_ENDS, r"photon[^\n]*\n"]),
)
def test_no_stop_is_missed_and_none_is_made_up(
    written: list[int], noise: list[int], stops: tuple[str, ...], pattern: str | None
) -> None:
    settings = GenerateSettings(100, stops, pattern)
    # Any tokens at all after it, bytes of cut characters among them.
    first_end([*written, *noise], settings)
    first_end([*noise, *written], settings)


class Counting:
    """A tokenizer that says how much it decoded."""

    clean_up_tokenization_spaces = False

    def __init__(self) -> None:
        self.decoded = 0

    def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        self.decoded += len(ids)
        return str(TOKENIZER.decode(ids, skip_special_tokens=skip_special_tokens))


def test_long_texts_are_not_decoded_after_each_token() -> None:
    ids = TOKENIZER.encode("the quick brown fox " * 100 + "\n")
    counting = Counting()
    finder = StopFinder(counting, GenerateSettings(10_000, (), ANSWER_ENDS))
    for count in range(1, len(ids) + 1):
        assert finder.end(ids[:count]) is None
    # Each of the few tokens once, and the whole text at its line's end.
    assert counting.decoded == len(set(ids)) + len(ids)


def test_without_stops_nothing_is_decoded() -> None:
    counting = Counting()
    assert StopFinder(counting, GenerateSettings(5)).end([5, 6]) is None
    assert counting.decoded == 0


def write(
    monkeypatch: pytest.MonkeyPatch, texts: Sequence[str], **settings: Any
) -> list[Generated]:
    """What comes of a model that writes these texts, one a prompt."""
    import torch

    rows = [[*TOKENIZER.encode(text), 1] for text in texts]

    def scripted(module: Any, prompts: Sequence[Sequence[int]], **options: Any) -> Iterator[Step]:
        for step in range(10_000):
            tokens = torch.tensor([row[step] if step < len(row) else 5 for row in rows])
            yield Step(tokens, torch.zeros(len(rows)), None)

    monkeypatch.setattr("distill_fixtures.models.text_writer.decode_greedily", scripted)
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    requests = [GenerateRequest(str(index), "the") for index in range(len(texts))]
    found: dict[int, Generated] = {}
    for results in model.generate_in_passes(requests, GenerateSettings(**settings)):
        found.update(results)
    return [found[index] for index in range(len(texts))]


def test_a_written_answer_ends_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = "The correct answer is (B).\n"
    texts = [f"{answer}\nQuestion: Which", f"Well.\n{answer}And (A)", "No idea.\n", "No (B)"]
    assert write(monkeypatch, texts, max_new_tokens=60, stop_pattern=ANSWER_ENDS) == [
        Generated(answer),
        Generated(f"Well.\n{answer}"),
        Generated("No idea.\n"),
        Generated("No (B)"),
    ]


def test_the_limit_comes_before_the_answers_line_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = "The correct answer is (B)."
    count = len(TOKENIZER.encode(answer))
    (cut,) = write(monkeypatch, [f"{answer}\n"], max_new_tokens=count, stop_pattern=ANSWER_ENDS)
    assert cut == Generated(answer, truncated=True)
