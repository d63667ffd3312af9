"""The ways to score questions with an encoder-decoder, fastest first.

They compute the same figures; which of them an architecture can take is found by trying.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from distill_fixtures.models.encoder_decoder import (
    decoder_start_token,
    run_decoder,
    run_encoder,
)
from distill_fixtures.models.language_head import token_log_probabilities
from distill_fixtures.models.peft_modules import plain_module
from distill_fixtures.models.seq2seq_tokens import EncodedQuestion

if TYPE_CHECKING:
    import torch

__all__ = ["OneByOne", "OptionRows", "PackedOptions", "Seq2SeqWay", "score_alone", "ways_for"]


class Seq2SeqWay(Protocol):
    """One way to score questions together."""

    @property
    def name(self) -> str:
        """For people, in the results."""
        ...

    def score(self, questions: Sequence[EncodedQuestion]) -> list[list[float]]:
        """Log-likelihoods of each question's options, nats."""
        ...


def ways_for(module: Any) -> list[Seq2SeqWay]:
    """All ways that may be right for a module; the last one is right for any."""
    ways: list[Seq2SeqWay] = [OptionRows(module), OptionRows(module, together=False)]
    # Only where no position is counted from the row's begin can options stand side by side.
    if hasattr(plain_module(module).config, "relative_attention_num_buckets"):
        ways.insert(0, PackedOptions(module))
    return [*ways, OneByOne(module)]


class PackedOptions:
    """The options of a question stand side by side in one decoder row, none seeing another.

    What attention computes of the encoder's output is computed once a question.

    Args:
        module: an encoder-decoder whose positions are relative (T5 and its kin).
    """

    name = "encoder once, options packed"

    def __init__(self, module: Any) -> None:
        self._module = module
        self._start = decoder_start_token(module)

    def score(self, questions: Sequence[EncodedQuestion]) -> list[list[float]]:
        import torch

        lengths = [[len(option) for option in question.options] for question in questions]
        ids = torch.full((len(questions), max(map(sum, lengths))), self._start)
        for row, question in enumerate(questions):
            begun = [token for option in question.options for token in (self._start, *option[:-1])]
            ids[row, : len(begun)] = torch.tensor(begun)
        with torch.inference_mode():
            device = self._module.device
            encoded = run_encoder(self._module, [question.context for question in questions])
            sight = _sight(lengths, ids.shape[1], self._module.dtype).to(device)
            logits = run_decoder(
                self._module,
                encoded,
                ids.to(device),
                decoder_attention_mask=sight,
                use_cache=False,
            ).logits
            return [
                [
                    _likelihood(part, option)
                    for part, option in zip(parts, question.options, strict=True)
                ]
                for parts, question in zip(_spans(logits, lengths), questions, strict=True)
            ]


class OptionRows:
    """A decoder row for each option, padded on its right, where no token before it looks.

    Args:
        module: an encoder-decoder.
        together: several questions a pass, their contexts padded and masked; else one at a time.
    """

    def __init__(self, module: Any, *, together: bool = True) -> None:
        self._module = module
        self._start = decoder_start_token(module)
        self._together = together

    @property
    def name(self) -> str:
        return "encoder once, option rows" + ("" if self._together else ", a question at a time")

    def score(self, questions: Sequence[EncodedQuestion]) -> list[list[float]]:
        if self._together:
            return self._score(questions)
        return [values for question in questions for values in self._score([question])]

    def _score(self, questions: Sequence[EncodedQuestion]) -> list[list[float]]:
        import torch

        options = [option for question in questions for option in question.options]
        owners = [place for place, each in enumerate(questions) for _ in each.options]
        ids = torch.full((len(options), max(map(len, options))), self._start)
        for row, option in enumerate(options):
            ids[row, 1 : len(option)] = torch.tensor(option[:-1])
        with torch.inference_mode():
            encoded = run_encoder(self._module, [question.context for question in questions])
            logits = run_decoder(
                self._module,
                encoded.repeated(owners),
                ids.to(self._module.device),
                use_cache=False,
            ).logits
            values = iter(
                [
                    _likelihood(row[: len(option)], option)
                    for row, option in zip(logits, options, strict=True)
                ]
            )
        return [[next(values) for _ in question.options] for question in questions]


class OneByOne:
    """Each option by itself, context and all, nothing padded: slow, and right for any module."""

    name = "one by one"

    def __init__(self, module: Any) -> None:
        self._module = module

    def score(self, questions: Sequence[EncodedQuestion]) -> list[list[float]]:
        return [
            [score_alone(self._module, question.context, option) for option in question.options]
            for question in questions
        ]


def score_alone(module: Any, context: Sequence[int], option: Sequence[int]) -> float:
    """Log-likelihood of an option, nats: the whole module over one unpadded row."""
    import torch

    started = [decoder_start_token(module), *option[:-1]]
    with torch.inference_mode():
        logits = module(
            input_ids=torch.tensor([list(context)], device=module.device),
            decoder_input_ids=torch.tensor([started], device=module.device),
            use_cache=False,
        ).logits
        return _likelihood(logits[0], option)


def _likelihood(logits: torch.Tensor, option: Sequence[int]) -> float:
    """Sum of log p over an option's tokens.

    Args:
        logits: at the place of each token, ``[tokens, vocabulary]``; may be overwritten.
    """
    import torch

    targets = torch.tensor(list(option), device=logits.device)
    return float(token_log_probabilities(logits, targets).double().sum())


def _spans(logits: torch.Tensor, lengths: Sequence[Sequence[int]]) -> Iterator[list[torch.Tensor]]:
    """Each row's logits cut into its options'."""
    for row, parts in zip(logits, lengths, strict=True):
        yield list(row[: sum(parts)].split(list(parts)))


def _sight(lengths: Sequence[Sequence[int]], longest: int, dtype: torch.dtype) -> torch.Tensor:
    """What each place may look at, to be added to attention's scores: 0, or far below all others.

    Args:
        lengths: tokens of each option, by row.
        longest: tokens of the longest row.

    Returns:
        ``[rows, 1, longest, longest]``. Places of padding look at each other.
    """
    import torch

    member = torch.full((len(lengths), longest), -1)
    for row, parts in enumerate(lengths):
        member[row, : sum(parts)] = torch.repeat_interleave(torch.tensor(list(parts)))
    seen = (member[:, :, None] == member[:, None, :]).tril()
    sight = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return sight.unsqueeze(1)
