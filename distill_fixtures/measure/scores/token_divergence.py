"""How far apart two models' next-token distributions are over the questions' texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from distill_fixtures.errors import NotFiniteScoreError
from distill_fixtures.models.protocol import Model, Progress, TextReading
from distill_fixtures.records import TokenComparison, Undefined

__all__ = ["compare_tokens"]

TEXTS_AT_ONCE = 16


def compare_tokens(
    teacher: Model,
    student: Model,
    texts: Sequence[str],
    *,
    progress: Progress | None = None,
) -> TokenComparison | Undefined:
    """Let both models read the same texts.

    Args:
        texts: the questions' texts, at least one.
        progress: called with the number of texts read.

    Returns:
        The mean over all next tokens of KL(teacher || student), undefined where token ids do not
        mean the same to both; and each model's bits per UTF-8 byte. Undefined as a whole where a
        model cannot say its distribution.

    Raises:
        NotFiniteScoreError: a distribution holds NaN; names the model.
    """
    same = teacher.tokenizer_digest == student.tokenizer_digest
    nats = {"teacher": 0.0, "student": 0.0}
    divergence, tokens = 0.0, 0
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        readings: dict[str, Sequence[TextReading]] = {}
        for role, model in (("teacher", teacher), ("student", student)):
            found = model.read_texts(some)
            if isinstance(found, Undefined):
                return found
            readings[role] = found
            nats[role] += sum(_text_nats(model, reading) for reading in found)
        if same:
            for one, other in zip(readings["teacher"], readings["student"], strict=True):
                divergence += _summed_divergence(one, other)
                tokens += len(one.token_ids)
        if progress is not None:
            progress(len(some))
    size = sum(len(text.encode()) for text in texts)
    return TokenComparison(
        token_kl_nats=divergence / tokens
        if same
        else Undefined("the models' tokenizers differ: their tokens cannot be compared"),
        bits_per_byte={role: total / math.log(2) / size for role, total in nats.items()},
    )


def _text_nats(model: Model, reading: TextReading) -> float:
    picked = np.take_along_axis(reading.log_probs, reading.token_ids[:, None], axis=1)
    total = -float(picked.sum(dtype=np.float64))
    if not math.isfinite(total):
        raise NotFiniteScoreError(
            f"the model {model.card.reference} gave a probability that is no number",
            got=f"{total} as the log-probability of a question's text",
            wanted="a finite log-likelihood",
            next_step="check the model's weights for NaN, or load it in a wider number format",
        )
    return total


def _summed_divergence(teacher: TextReading, student: TextReading) -> float:
    """Sum over tokens of KL(teacher || student). Padding rows that only one vocabulary has
    (a tensor rounded up to a multiple of 64) hold no token and are left out."""
    width = min(teacher.log_probs.shape[1], student.log_probs.shape[1])
    first = teacher.log_probs[:, :width].astype(np.float64)
    second = student.log_probs[:, :width].astype(np.float64)
    # Rounding can leave -1e-9 where both are the same.
    return float(np.maximum(0.0, (np.exp(first) * (first - second)).sum(axis=1)).sum())
