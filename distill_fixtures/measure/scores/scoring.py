"""Letting a model answer questions: from questions to answers, in each of the four scorings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import fmean

from distill_fixtures.measure.scores.score_source import ScoreSource
from distill_fixtures.metrics.f1 import exact_match
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    Progress,
    Scored,
    ScoreRequest,
)
from distill_fixtures.records import Answer, Question, Scoring
from distill_fixtures.tasks.answer_text import (
    ANSWER_ENDS,
    FREE_ANSWER_ENDS,
    extract_free_text,
    parse_choice,
)
from distill_fixtures.tasks.option_orders import OrderedQuestion, cyclic_orders
from distill_fixtures.tasks.prompt_template import PromptTemplate
from distill_fixtures.tasks.prompts import PromptStyle, build_prompt

__all__ = ["ScoringPlan", "answer_questions", "prompts_of", "stream_answers"]

NO_QUESTION = "Answer:"
"""The context of an option's own likelihood: the end of the cloze prompt, without a question."""


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """How answers are taken.

    Attributes:
        scoring: ``cloze``, ``letter``, ``generate`` or ``classify``.
        permutations: letter scoring is averaged by option over that many cyclic orders.
        pmi: cloze scoring also against each option's log-likelihood after a bare "Answer:".
        style: the wording of the generate prompt.
        template: the user's own generate prompt.
        max_new_tokens: limit of a generated answer; a model's window may leave less.
        stops: texts that end a generated answer.
    """

    scoring: Scoring
    permutations: int = 1
    pmi: bool = False
    style: PromptStyle = "zero-shot"
    template: PromptTemplate | None = None
    max_new_tokens: int = 512
    stops: tuple[str, ...] = ()


def answer_questions(
    source: ScoreSource,
    questions: Iterable[Question],
    plan: ScoringPlan,
    *,
    progress: Progress | None = None,
) -> tuple[Answer, ...]:
    """One answer a question, in their order: :func:`stream_answers` to its end."""
    return tuple(stream_answers(source, questions, plan, progress=progress))


def stream_answers(
    source: ScoreSource,
    questions: Iterable[Question],
    plan: ScoringPlan,
    *,
    progress: Progress | None = None,
) -> Iterator[Answer]:
    """One answer a question, in their order, in blocks: memory does not grow with their number.

    ``progress`` counts prompts: with permutations there are several a question.

    Raises:
        NotFiniteScoreError: NaN or infinity in the scores; the question is named.
        QuestionFileError: a question that this scoring cannot ask.
        CacheError: kept scores are damaged.
    """
    answer = {
        "cloze": _cloze_answers,
        "letter": _letter_answers,
        "generate": _generated_answers,
        "classify": _classified_answers,
    }
    left = iter(questions)
    while block := tuple(islice(left, source.questions_at_once)):
        yield from answer[plan.scoring](source, block, plan, progress)


def prompts_of(questions: Sequence[Question], plan: ScoringPlan) -> tuple[str, ...]:
    """The text before the answer, a prompt a question: what latency is measured on."""
    style = plan.style if plan.scoring == "generate" else "zero-shot"
    template = plan.template if plan.scoring == "generate" else None
    return tuple(
        build_prompt(question, plan.scoring, style=style, template=template).context
        for question in questions
    )


def best_option(values: Sequence[float]) -> int:
    """The highest value's index; ties take the first.

    >>> best_option([-2.0, -1.0, -1.0])
    1
    """
    return max(range(len(values)), key=values.__getitem__)


def _request(question: Question, scoring: Scoring) -> ScoreRequest:
    prompt = build_prompt(question, scoring)
    return ScoreRequest(question.id, prompt.context, prompt.continuations)


def _is_correct(question: Question, pick: int) -> bool:
    """By text: where an option is repeated, either copy of the reference is right."""
    return question.choices[pick] == question.reference_text


def _cloze_answers(
    source: ScoreSource,
    questions: Sequence[Question],
    plan: ScoringPlan,
    progress: Progress | None,
) -> tuple[Answer, ...]:
    requests = [_request(question, "cloze") for question in questions]
    # Questions with the same options share this request, and the source scores it once.
    bare = [replace(each, context=NO_QUESTION) for each in requests] if plan.pmi else []
    scored = source.scores([*requests, *bare], progress)
    answers = [
        _cloze_answer(question, result) for question, result in zip(questions, scored, strict=False)
    ]
    if plan.pmi:
        answers = [
            _with_pmi(question, answer, prior)
            for question, answer, prior in zip(
                questions, answers, scored[len(questions) :], strict=True
            )
        ]
    return tuple(answers)


def _cloze_answer(question: Question, scored: Scored) -> Answer:
    """Raw sums pick; beside them the sums per Unicode character of the option."""
    norm = tuple(
        value / len(choice)
        for value, choice in zip(scored.log_likelihoods, question.choices, strict=True)
    )
    pick, pick_norm = best_option(scored.log_likelihoods), best_option(norm)
    return Answer(
        question_id=question.id,
        pick=pick,
        correct=_is_correct(question, pick),
        log_likelihoods=scored.log_likelihoods,
        log_likelihoods_norm=norm,
        pick_norm=pick_norm,
        correct_norm=_is_correct(question, pick_norm),
        truncated=scored.truncated,
    )


def _with_pmi(question: Question, answer: Answer, prior: Scored) -> Answer:
    """Beside the other picks, the option whose likelihood the question raises most."""
    raised = tuple(
        value - before
        for value, before in zip(answer.log_likelihoods or (), prior.log_likelihoods, strict=True)
    )
    pick = best_option(raised)
    return replace(
        answer,
        log_likelihoods_pmi=raised,
        pick_pmi=pick,
        correct_pmi=_is_correct(question, pick),
    )


def _letter_answers(
    source: ScoreSource,
    questions: Sequence[Question],
    plan: ScoringPlan,
    progress: Progress | None,
) -> tuple[Answer, ...]:
    """Each option's log-likelihood is the mean over the orders in which it was shown."""
    orders: list[tuple[OrderedQuestion, ...]] = []
    requests: list[ScoreRequest] = []
    for question in questions:
        if question.is_free_text:
            build_prompt(question, "letter")  # says why it cannot be asked
        orders.append(cyclic_orders(question, plan.permutations))
        requests += [_request(order.question, "letter") for order in orders[-1]]
    results = iter(source.scores(requests, progress))
    answers = []
    for question, shown in zip(questions, orders, strict=True):
        scored = [next(results) for _ in shown]
        restored = [
            order.restore(result.log_likelihoods)
            for order, result in zip(shown, scored, strict=True)
        ]
        means = tuple(fmean(of_option) for of_option in zip(*restored, strict=True))
        pick = best_option(means)
        answers.append(
            Answer(
                question_id=question.id,
                pick=pick,
                correct=_is_correct(question, pick),
                log_likelihoods=means,
                shown_picks=(
                    tuple(best_option(result.log_likelihoods) for result in scored)
                    if plan.permutations > 1
                    else None
                ),
                truncated=any(result.truncated for result in scored),
            )
        )
    return tuple(answers)


def _classified_answers(
    source: ScoreSource,
    questions: Sequence[Question],
    plan: ScoringPlan,
    progress: Progress | None,
) -> tuple[Answer, ...]:
    """The likeliest label; all of a classifier's labels are options, so nothing is normalised."""
    requests = [_request(question, "classify") for question in questions]
    answers = []
    for question, scored in zip(questions, source.scores(requests, progress), strict=True):
        pick = best_option(scored.log_likelihoods)
        answers.append(
            Answer(
                question_id=question.id,
                pick=pick,
                correct=_is_correct(question, pick),
                log_likelihoods=scored.log_likelihoods,
                truncated=scored.truncated,
            )
        )
    return tuple(answers)


def _generated_answers(
    source: ScoreSource,
    questions: Sequence[Question],
    plan: ScoringPlan,
    progress: Progress | None,
) -> tuple[Answer, ...]:
    requests = [
        GenerateRequest(question.id, prompt)
        for question, prompt in zip(questions, prompts_of(questions, plan), strict=True)
    ]
    settings = GenerateSettings(plan.max_new_tokens, plan.stops, _answer_line(questions, plan))
    written = source.texts(requests, settings, progress)
    return tuple(
        _parsed_answer(question, text) for question, text in zip(questions, written, strict=True)
    )


def _answer_line(questions: Sequence[Question], plan: ScoringPlan) -> str | None:
    """What a complete answer looks like; a user's own prompt may ask for anything."""
    if plan.template is not None:
        return None
    return FREE_ANSWER_ENDS if any(each.is_free_text for each in questions) else ANSWER_ENDS


def _parsed_answer(question: Question, written: Generated) -> Answer:
    """No answer found in the text is no pick, and counts as wrong."""
    pick: int | str | None
    if question.is_free_text:
        pick = extract_free_text(written.text)
        correct = pick is not None and exact_match(pick, question.answers)
    else:
        pick = parse_choice(written.text, question.choices)
        correct = pick is not None and _is_correct(question, pick)
    return Answer(
        question_id=question.id,
        pick=pick,
        correct=correct,
        text=written.text,
        truncated=written.truncated,
    )
