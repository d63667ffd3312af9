"""Records: what they derive, and that nothing changes them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from distill_fixtures.records import GenerationTrace, Question, QuestionSet, Round, Undefined


def test_a_trace_tells_first_token_and_end() -> None:
    trace = GenerationTrace(batch_size=2, prompt_tokens=9, token_times_s=(0.5, 0.75, 1.25))
    assert (trace.ttft_s, trace.end_to_end_s, trace.new_tokens) == (0.5, 1.25, 3)


def test_a_classifiers_trace_has_one_time_and_no_token() -> None:
    trace = GenerationTrace(2, 9, (0.5,), writes_tokens=False)
    assert (trace.end_to_end_s, trace.new_tokens) == (0.5, 0)
    with pytest.raises(ValueError, match="no tokens"):
        _ = trace.ttft_s
    with pytest.raises(ValueError, match="one time"):
        GenerationTrace(2, 9, (0.5, 0.75), writes_tokens=False)


def test_a_round_sums_its_requests() -> None:
    trace = GenerationTrace(2, 9, (0.5, 1.25))
    each = Round((trace, trace), order=0)
    assert (each.samples, each.seconds) == (4, 2.5)


def test_a_question_knows_its_reference() -> None:
    question = Question("1", "?", ("x", "y"), 1)
    assert question.reference_text == "y"
    assert not question.is_free_text
    free = Question("2", "?", answers=("z",))
    assert free.is_free_text
    with pytest.raises(ValueError, match="free text"):
        _ = free.reference_text


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Undefined("why").reason = "other"  # type: ignore[misc]


def test_a_set_counts_its_questions() -> None:
    assert len(QuestionSet("s", "d", (Question("1", "?", ("x", "y"), 0),), "cloze")) == 1
