"""What a model is shown: context and continuations, by scoring.

The letter prompt is the zero-shot prompt that QuantumBench's authors publish; the generate prompt
is the same without its opened last line. A classifier gets a text and its labels as they are.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal, NamedTuple

from distill_fixtures.errors import QuestionFileError
from distill_fixtures.records import Question, Scoring
from distill_fixtures.tasks.prompt_template import PromptTemplate

__all__ = ["LETTERS", "Prompt", "PromptStyle", "build_prompt", "prompt_digest"]

PromptStyle = Literal["zero-shot", "cot"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_LISTED_FORMAT = '"The correct answer is (<insert answer id here>)."'
_FREE_FORMAT = '"The correct answer is: <insert answer here>"'
_COT_LEAD = "Think step by step. Then end your response with this line: "
_ZERO_SHOT_LEAD = "Format your response as follows: "
_OPENED_ANSWER = "\nThe correct answer is"


class Prompt(NamedTuple):
    """Attributes:

    context: the text before the continuations, or the prompt to be answered.
    continuations: one an option, each scored directly after the context; the labels themselves in
        classify; empty in generate.
    """

    context: str
    continuations: tuple[str, ...]


def build_prompt(
    question: Question,
    scoring: Scoring,
    *,
    style: PromptStyle = "zero-shot",
    template: PromptTemplate | None = None,
) -> Prompt:
    """Context and continuations of one question.

    Args:
        style: ``cot`` asks for steps before the answer; generate scoring only.
        template: the user's own prompt; generate scoring only, and then ``style`` says nothing.

    Raises:
        QuestionFileError: cloze, letter or classify scoring of free text, or letters for more than
            26 options.
        ValueError: style or template given for a scoring that has no use for it.

    >>> question = Question(id="1", question="Spin of a photon?", choices=("0", "1"), answer=1)
    >>> build_prompt(question, "cloze")
    Prompt(context='Question: Spin of a photon?\\nAnswer:', continuations=(' 0', ' 1'))
    >>> build_prompt(question, "letter").continuations
    (' (A)', ' (B)')
    >>> build_prompt(question, "classify")
    Prompt(context='Spin of a photon?', continuations=('0', '1'))
    """
    if scoring != "generate" and (style != "zero-shot" or template is not None):
        raise ValueError(f"{scoring} scoring takes neither a prompt style nor a template")
    if scoring != "generate" and question.is_free_text:
        raise QuestionFileError(
            f"question {question.id!r} cannot be scored by {scoring}",
            got="a question without choices",
            wanted="choices to choose among",
            next_step="use --distill-scoring generate (or auto) for free text",
        )
    if scoring == "classify":
        return Prompt(question.question, question.choices)
    if scoring == "cloze":
        continuations = tuple(f" {choice}" for choice in question.choices)
        return Prompt(f"Question: {question.question}\nAnswer:", continuations)
    if scoring == "letter":
        letters = tuple(f" ({letter})" for letter in _letters_of(question))
        return Prompt(_asked(question, _ZERO_SHOT_LEAD) + _OPENED_ANSWER, letters)
    if template is not None:
        return Prompt(template.render(question, _letters_of(question)), ())
    return Prompt(_asked(question, _COT_LEAD if style == "cot" else _ZERO_SHOT_LEAD), ())


def prompt_digest(
    scoring: Scoring,
    *,
    style: PromptStyle = "zero-shot",
    template: PromptTemplate | None = None,
    permutations: int = 1,
) -> str:
    """sha256 that changes whenever a prompt of this kind would read differently.

    The built-in prompts are digested by what they make of two fixed questions, so a change in
    this file changes the digest; a user's template by its text.
    """
    parts: list[object] = [scoring, permutations]
    if template is not None:
        parts.append(template.source)
    else:
        listed = Question(id="1", question="Q", choices=("x", "y", "z"), answer=0)
        probes = [listed]
        if scoring == "generate":
            probes.append(Question(id="2", question="Q", answers=("x",)))
        parts.extend(build_prompt(probe, scoring, style=style) for probe in probes)
    canonical = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _asked(question: Question, lead: str) -> str:
    text = f"What is the correct answer to this question: {question.question}\n\n"
    if question.is_free_text:
        return text + lead + _FREE_FORMAT
    options = "\n".join(
        f"({letter}) {choice}"
        for letter, choice in zip(_letters_of(question), question.choices, strict=True)
    )
    return f"{text}Choices:\n{options}\n\n{lead}{_LISTED_FORMAT}"


def _letters_of(question: Question) -> str:
    count = len(question.choices)
    if count > len(LETTERS):
        raise QuestionFileError(
            f"question {question.id!r} has too many options for letters",
            got=f"{count} options",
            wanted=f"at most {len(LETTERS)} in letter and generate scoring",
            next_step="use --distill-scoring cloze",
        )
    return LETTERS[:count]
