"""Answers from a fake model whose likelihoods are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.errors import NotFiniteScoreError, QuestionFileError
from distill_fixtures.measure.scores import scoring
from distill_fixtures.measure.scores.score_source import ScoreSource
from distill_fixtures.measure.scores.scoring import ScoringPlan, best_option, prompts_of
from distill_fixtures.models.causal_lm import CausalLM
from distill_fixtures.models.protocol import Model, Progress
from distill_fixtures.records import Answer, Question
from distill_fixtures.tasks.answer_text import ANSWER_ENDS, FREE_ANSWER_ENDS
from distill_fixtures.tasks.prompt_template import PromptTemplate
from tests.fakes import FakeModel, make_card
from tests.tiny_models import make_llama, make_tokenizer

CLOZE, LETTER, GENERATE = (ScoringPlan(scoring) for scoring in ("cloze", "letter", "generate"))
QUESTION = Question("q1", "Spin of a photon?", ("1/2", "one", "0", "3/2 hbar"), answer=1)
FREE = Question("f1", "Who?", answers=("Dirac", "Paul Dirac"))


def answer_questions(
    model: Model,
    questions: Sequence[Question],
    plan: ScoringPlan,
    *,
    progress: Progress | None = None,
) -> tuple[Answer, ...]:
    """Without a cache."""
    source = ScoreSource(lambda: model)
    return scoring.answer_questions(source, questions, plan, progress=progress)


def from_table(table: dict[str, float]) -> FakeModel:
    return FakeModel(likelihood=lambda context, continuation: table[continuation])


def test_cloze_by_hand() -> None:
    model = from_table({" 1/2": -3.0, " one": -6.0, " 0": -3.5, " 3/2 hbar": -4.0})
    (answer,) = answer_questions(model, [QUESTION], CLOZE)
    assert answer.log_likelihoods == (-3.0, -6.0, -3.5, -4.0)
    assert answer.log_likelihoods_norm == (-1.0, -2.0, -3.5, -0.5)
    assert (answer.pick, answer.pick_norm) == (0, 3)
    assert (answer.correct, answer.correct_norm) == (False, False)
    assert (answer.text, answer.truncated) == (None, False)


def test_classify_by_hand() -> None:
    asked: list[tuple[str, str]] = []

    def likelihood(text: str, label: str) -> float:
        asked.append((text, label))
        return {"bad": -2.0, "fine": -0.25, "good": -0.25}[label]

    question = Question("q", "It shines.", ("bad", "fine", "good"), answer=2)
    (answer,) = answer_questions(
        FakeModel(likelihood=likelihood), [question], ScoringPlan(scoring="classify")
    )
    assert asked == [("It shines.", label) for label in question.choices]
    assert (answer.pick, answer.correct) == (1, False), "a tie takes the first"
    assert answer.log_likelihoods == (-2.0, -0.25, -0.25)
    assert answer.log_likelihoods_norm is None
    assert answer.pick_norm is None
    assert prompts_of([question], ScoringPlan(scoring="classify")) == ("It shines.",)


def test_norm_counts_unicode_characters_not_bytes() -> None:
    question = Question("q", "?", ("ħωħω", "abcdefgh"), answer=0)
    model = from_table({" ħωħω": -8.0, " abcdefgh": -15.0})
    (answer,) = answer_questions(model, [question], CLOZE)
    assert answer.log_likelihoods_norm == (-2.0, -1.875)


def test_ties_take_the_first() -> None:
    model = FakeModel(likelihood=lambda context, continuation: -1.0)
    for plan in (CLOZE, LETTER):
        (answer,) = answer_questions(model, [QUESTION], plan)
        assert answer.pick == 0


def test_either_copy_of_a_repeated_reference_is_right() -> None:
    question = Question("q", "?", ("x", "y", "x"), answer=2)
    (answer,) = answer_questions(from_table({" x": -1.0, " y": -2.0}), [question], CLOZE)
    assert (answer.pick, answer.correct) == (0, True)


def test_letters_are_asked_in_the_published_prompt() -> None:
    asked: list[tuple[str, str]] = []

    def likelihood(context: str, continuation: str) -> float:
        asked.append((context, continuation))
        return -1.0 if continuation == " (B)" else -2.0

    (answer,) = answer_questions(FakeModel(likelihood=likelihood), [QUESTION], LETTER)
    assert [text for _, text in asked] == [" (A)", " (B)", " (C)", " (D)"]
    assert asked[0][0].endswith("\nThe correct answer is")
    assert (answer.pick, answer.correct, answer.log_likelihoods_norm) == (1, True, None)


def test_permutations_cancel_a_love_of_one_letter() -> None:
    """The model adds 5 nats to (A), and knows the answer by 1 nat."""

    def likelihood(context: str, continuation: str) -> float:
        letter = continuation.strip(" ()")
        option = context.split(f"({letter}) ", 1)[1].split("\n", 1)[0]
        return -10.0 + 5.0 * (letter == "A") + 1.0 * (option == "one")

    model = FakeModel(likelihood=likelihood)
    (once,) = answer_questions(model, [QUESTION], LETTER)
    assert once.pick == 0
    (answer,) = answer_questions(model, [QUESTION], ScoringPlan("letter", permutations=4))
    assert answer.log_likelihoods == (-8.75, -7.75, -8.75, -8.75)
    assert (answer.pick, answer.correct) == (1, True)


def test_each_orders_own_pick_is_kept() -> None:
    model = FakeModel(likelihood=lambda context, continuation: -float(continuation != " (A)"))
    (answer,) = answer_questions(model, [QUESTION], ScoringPlan("letter", permutations=4))
    assert answer.shown_picks == (0, 0, 0, 0)
    (once,) = answer_questions(model, [QUESTION], LETTER)
    assert once.shown_picks is None


def test_mutual_information_by_hand() -> None:
    """The likeliest option is likely whatever is asked; the question raises another one."""
    asked = {" 1/2": -3.0, " one": -6.0, " 0": -3.5, " 3/2 hbar": -4.0}
    bare = {" 1/2": -2.0, " one": -9.0, " 0": -3.5, " 3/2 hbar": -4.5}

    def likelihood(context: str, continuation: str) -> float:
        return (bare if context == "Answer:" else asked)[continuation]

    plan = ScoringPlan("cloze", pmi=True)
    (answer,) = answer_questions(FakeModel(likelihood=likelihood), [QUESTION], plan)
    assert answer.log_likelihoods_pmi == (-1.0, 3.0, 0.0, 0.5)
    assert (answer.pick, answer.pick_pmi) == (0, 1)
    assert (answer.correct, answer.correct_pmi) == (False, True)
    (plain,) = answer_questions(FakeModel(likelihood=likelihood), [QUESTION], CLOZE)
    assert plain == replace(answer, log_likelihoods_pmi=None, pick_pmi=None, correct_pmi=None)


def test_options_without_their_question_are_scored_once() -> None:
    asked: list[str] = []

    def likelihood(context: str, continuation: str) -> float:
        asked.append(context)
        return -float(len(context + continuation))

    questions = [replace(QUESTION, id=str(n), question=f"Number {n}?") for n in range(3)]
    other = replace(QUESTION, id="other", choices=("a", "b"), answer=0)
    steps: list[int] = []
    answers = answer_questions(
        FakeModel(likelihood=likelihood),
        [*questions, other],
        ScoringPlan("cloze", pmi=True),
        progress=steps.append,
    )
    assert asked.count("Answer:") == 4 + 2
    assert sum(steps) == 8
    assert [answer.question_id for answer in answers] == ["0", "1", "2", "other"]
    assert all(answer.log_likelihoods_pmi == (-20.0,) * 4 for answer in answers[:3])


class Noting(FakeModel):
    """Remembers where its texts were to end."""

    def generate_in_passes(self, requests: Any, settings: Any, **others: Any) -> Any:
        self.settings = settings
        return super().generate_in_passes(requests, settings, **others)


def test_a_complete_answer_ends_the_text_of_the_built_in_prompts() -> None:
    model = Noting()
    for style in ("zero-shot", "cot"):
        answer_questions(model, [QUESTION], ScoringPlan("generate", style=style))
        assert model.settings.stop_pattern == ANSWER_ENDS
        answer_questions(model, [FREE], ScoringPlan("generate", style=style))
        assert model.settings.stop_pattern == FREE_ANSWER_ENDS
    template = PromptTemplate(Path("own.jinja"), "{{ question }} Answer freely.")
    answer_questions(model, [QUESTION], ScoringPlan("generate", template=template))
    assert model.settings.stop_pattern is None


def test_generate_parses_a_letter() -> None:
    model = FakeModel(writes=lambda prompt: "The correct answer is (B).")
    (answer,) = answer_questions(model, [QUESTION], GENERATE)
    assert (answer.pick, answer.correct) == (1, True)
    assert answer.text == "The correct answer is (B)."
    assert answer.log_likelihoods is None


def test_nan_in_a_generated_answer_names_the_question() -> None:
    import torch

    module = make_llama()
    with torch.no_grad():
        module.get_output_embeddings().weight[7] = torch.nan
    model = CausalLM(module, make_tokenizer(), make_card())
    with pytest.raises(NotFiniteScoreError, match="'f1'"):
        answer_questions(model, [FREE], GENERATE)


def test_generated_answers_fit_a_small_window() -> None:
    """A window of 128 tokens, where 512 are the most an answer may have."""
    model = CausalLM(make_llama(), make_tokenizer(), make_card())
    long = replace(QUESTION, id="q2", question="Spin of a photon? " * 40)
    answers = answer_questions(model, [QUESTION, long, FREE], GENERATE)
    assert [answer.question_id for answer in answers] == ["q1", "q2", "f1"]
    assert answers[1].truncated
    assert all(answer.text is not None for answer in answers)


def test_unparsed_is_no_pick_and_wrong() -> None:
    model = FakeModel(writes=lambda prompt: "A photon has some spin")
    (answer,) = answer_questions(model, [QUESTION], GENERATE)
    assert (answer.pick, answer.correct) == (None, False)


def test_free_text_is_matched_as_squad_does() -> None:
    right = FakeModel(writes=lambda prompt: "The correct answer is: the dirac!")
    wrong = FakeModel(writes=lambda prompt: "The correct answer is: Bohr")
    empty = FakeModel(writes=lambda prompt: "")
    found = [answer_questions(model, [FREE], GENERATE)[0] for model in (right, wrong, empty)]
    assert [each.correct for each in found] == [True, False, False]
    assert found[2].pick is None


def test_free_text_cannot_be_scored_by_options() -> None:
    for plan in (CLOZE, LETTER):
        with pytest.raises(QuestionFileError, match="'f1'"):
            answer_questions(FakeModel(), [FREE], plan)


def test_answers_keep_the_order_and_progress_counts_prompts() -> None:
    told: list[int] = []
    questions = [Question(f"q{i}", f"{i}?", ("x", "y", "z"), answer=0) for i in range(5)]
    plan = ScoringPlan("letter", permutations=3)
    answers = answer_questions(FakeModel(), questions, plan, progress=told.append)
    assert [answer.question_id for answer in answers] == [f"q{i}" for i in range(5)]
    assert sum(told) == 15


def test_prompts_are_what_scoring_asks() -> None:
    assert prompts_of([QUESTION], CLOZE) == ("Question: Spin of a photon?\nAnswer:",)
    assert "Choices:" in prompts_of([QUESTION], LETTER)[0]


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=9))
def test_best_option_is_the_first_highest(values: list[float]) -> None:
    pick = best_option(values)
    assert values[pick] == max(values)
    assert max(values) not in values[:pick]
    assert math.isfinite(values[pick])
