"""Greedy decoding with the model's own cache, written out so that every token can be timed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.encoder_decoder import EncodedRows
from distill_fixtures.models.model_task import task_of_module
from distill_fixtures.models.peft_modules import plain_module, virtual_tokens_of

if TYPE_CHECKING:
    import torch

__all__ = ["PromptBatch", "Step", "TokenRows", "decode_greedily", "rows_of", "synchronise"]

PromptBatch = Sequence[Sequence[int]]

# What architectures call that which they keep of the tokens before: in a call and in its output.
CACHE_NAMES = ("past_key_values", "cache_params", "state")


@dataclass(frozen=True, slots=True)
class Step:
    """One token for every prompt.

    Attributes:
        tokens: the token picked, ``[batch]``.
        highest: its logit, ``[batch]``; NaN where a logit that could be picked is NaN.
        suppressed: logits of the tokens that are never picked, ``[batch, suppressed]``.
    """

    tokens: torch.Tensor
    highest: torch.Tensor
    suppressed: torch.Tensor | None

    def rows_without_numbers(self) -> list[int]:
        """Rows whose logits hold NaN or infinity. Waits for the device: not under the clock.

        Minus infinity is let through beside finite logits: it rules a token out.
        """
        bad = ~self.highest.isfinite()
        if self.suppressed is not None:
            bad = bad | self.suppressed.isnan().any(-1) | self.suppressed.isposinf().any(-1)
        return [int(row) for row in bad.nonzero().flatten()]


def decode_greedily(
    module: Any,
    prompts: PromptBatch,
    *,
    suppressed: Sequence[int] = (),
    first: int | None = None,
) -> Iterator[Step]:
    """Yield the next token of every prompt, without end: the caller stops.

    Prompts of unequal length are padded as :class:`TokenRows` and :class:`EncodedRows` say.

    Args:
        suppressed: token ids that are never picked (end of text, where the count is fixed).
        first: stands in the first place, whatever is likeliest there; None: what is likeliest.
    """
    import torch

    rows = rows_of(module, prompts)
    # On the device once and for all: a list would be copied there, and waited for, at every token.
    never = torch.tensor(list(suppressed), dtype=torch.long, device=module.device)
    while True:
        with torch.inference_mode():
            logits = rows.next_logits()
            held = None
            if len(never):
                held = logits.index_select(-1, never)
                logits.index_fill_(-1, never, -torch.inf)
            # The maximum takes no longer than its place alone, and NaN comes through it.
            highest, token = logits.max(-1)
            if first is not None:
                token, first = torch.full_like(token, first), None
            rows.append(token)
        yield Step(token, highest, held)


def rows_of(module: Any, prompts: PromptBatch) -> TokenRows | EncodedRows:
    """Prompts that are written on to in one row with them, or beside an encoder's reading of them.

    Args:
        prompts: token ids, none empty.
    """
    if task_of_module(module) == "seq2seq":
        return EncodedRows(module, prompts)
    return TokenRows(module, prompts)


class TokenRows:
    """Prompts that grow token by token as one batch, and what the model keeps of them.

    Prompts of unequal length are padded on their left; the padding is masked, and tokens keep their
    own positions. Not every architecture heeds that:
    :func:`~distill_fixtures.models.text_batches.continues_alike` finds out.

    Args:
        module: a causal language model, perhaps with a PEFT adapter over it.
        prompts: token ids, none empty.
    """

    def __init__(self, module: Any, prompts: PromptBatch) -> None:
        import torch

        longest = max(len(ids) for ids in prompts)
        ids = torch.zeros((len(prompts), longest), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(list(prompt))
            mask[row, longest - len(prompt) :] = 1
        self._ids, self._mask = ids.to(module.device), mask.to(module.device)
        self._forward: Callable[..., Any] = module
        self._plain = plain_module(module)
        self._virtual_tokens = virtual_tokens_of(module)
        takes = inspect.signature(self._plain.forward).parameters
        self._cache_name = next((name for name in CACHE_NAMES if name in takes), None)
        self._cache: Any = None
        self._given: dict[str, Any] = {"use_cache": self._cache_name is not None}
        if "logits_to_keep" in takes:
            # Spares the language head over the whole prompt.
            self._given["logits_to_keep"] = 1
        self._takes_mask = "attention_mask" in takes
        # Prompt learning counts positions itself.
        self._positions = None
        if "position_ids" in takes and not self._virtual_tokens:
            self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)

    def next_logits(self) -> torch.Tensor:
        """Logits of the token after each row, float32 ``[batch, vocabulary]``."""
        given = self._given
        if self._takes_mask:
            given["attention_mask"] = self._mask
        if self._positions is not None:
            given["position_ids"] = self._positions
        if self._cache is not None and self._cache_name is not None:
            given[self._cache_name] = self._cache
        output = self._forward(input_ids=self._ids, **given)
        if self._cache_name is not None:
            self._cache = getattr(output, self._cache_name, None)
        return output.logits[:, -1].float()  # type: ignore[no-any-return]

    def append(self, tokens: torch.Tensor) -> None:
        """Go on with one token a row, ``[batch]``."""
        import torch

        new = tokens.unsqueeze(-1)
        if self._virtual_tokens:
            # PEFT would put the learned prompt before every new token; the cache holds it already.
            learned = self._mask.new_ones(len(new), self._virtual_tokens)
            self._mask = torch.cat([learned, self._mask], dim=-1)
            self._forward, self._virtual_tokens = self._plain, 0
        self._mask = torch.cat([self._mask, torch.ones_like(new)], dim=-1)
        if self._cache is None:
            # Nothing is kept, so the whole rows run through the model again.
            self._given["use_cache"] = False
            self._ids = torch.cat([self._ids, new], dim=-1)
            if self._positions is not None:
                self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
            return
        self._ids = new
        if self._positions is not None:
            self._positions = self._positions[:, -1:] + 1
        # A state holds no padding that would have to be masked.
        self._takes_mask = self._takes_mask and self._cache_name == "past_key_values"
        if not self._takes_mask:
            self._given.pop("attention_mask", None)


def synchronise(device: Any) -> None:
    """Wait until the device has done all that was asked of it, so that a time means something."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
