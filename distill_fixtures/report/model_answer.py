"""What one model answered to one question, as comparison_results.json holds it."""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic refuses typing's before Python 3.12

from distill_fixtures.metrics.calibration import option_probabilities
from distill_fixtures.records import Answer, Question
from distill_fixtures.report.figure_sections import Number

__all__ = ["ModelAnswer", "model_answer"]


class ModelAnswer(TypedDict):
    """What one model answered; a key is there only where the scoring gives it."""

    answer: Annotated[
        int | str | None, Field(description="option index or free text; null: unparsed")
    ]
    correct: Annotated[bool, Field(description="the answer's text is the reference's")]
    log_likelihoods: NotRequired[
        Annotated[list[Number], Field(description="nats, one an option (cloze, letter, classify)")]
    ]
    probabilities: NotRequired[
        Annotated[list[Number], Field(description="one an option; copies share the merged value")]
    ]
    log_likelihoods_norm: NotRequired[
        Annotated[list[Number], Field(description="nats per character of the option (cloze)")]
    ]
    answer_norm: NotRequired[
        Annotated[int | None, Field(description="option with the highest of these (cloze)")]
    ]
    correct_norm: NotRequired[
        Annotated[bool | None, Field(description="whether that one is right (cloze)")]
    ]
    log_likelihoods_pmi: NotRequired[
        Annotated[
            list[Number],
            Field(
                description='nats, log p(option | question) - log p(option | "Answer:") (cloze, '
                "with --distill-cloze-pmi)"
            ),
        ]
    ]
    answer_pmi: NotRequired[
        Annotated[int | None, Field(description="option with the highest of these")]
    ]
    correct_pmi: NotRequired[Annotated[bool | None, Field(description="whether that one is right")]]
    shown_picks: NotRequired[
        Annotated[
            list[int],
            Field(
                description="place picked in each order of the options (letter, with "
                "--distill-permutations)"
            ),
        ]
    ]
    text: NotRequired[Annotated[str, Field(description="what the model wrote (generate)")]]
    truncated: NotRequired[
        Annotated[bool, Field(description="cut off; there only where it is true")]
    ]


def model_answer(question: Question, answer: Answer) -> ModelAnswer:
    """An answer as it stands in the file."""
    record: ModelAnswer = {"answer": answer.pick, "correct": answer.correct}
    if answer.log_likelihoods is not None:
        record["log_likelihoods"] = list(answer.log_likelihoods)
        record["probabilities"] = list(option_probabilities(question, answer))
    if answer.log_likelihoods_norm is not None:
        record["log_likelihoods_norm"] = list(answer.log_likelihoods_norm)
        record["answer_norm"] = answer.pick_norm
        record["correct_norm"] = answer.correct_norm
    if answer.log_likelihoods_pmi is not None:
        record["log_likelihoods_pmi"] = list(answer.log_likelihoods_pmi)
        record["answer_pmi"] = answer.pick_pmi
        record["correct_pmi"] = answer.correct_pmi
    if answer.shown_picks is not None:
        record["shown_picks"] = list(answer.shown_picks)
    if answer.text is not None:
        record["text"] = answer.text
    if answer.truncated:
        record["truncated"] = True
    return record
