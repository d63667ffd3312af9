"""A clock around transformers' ``generate``, as anybody would write it who wants to know."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from studies.generation_cases import Case, Times

if TYPE_CHECKING:
    import torch

__all__ = ["BareGenerate"]


class BareGenerate:
    """Prefill is a generation of one token; decode is what more tokens take beyond it.

    Args:
        module: a transformers module that can generate.
        ids: token ids of the prompt, by its length.
    """

    def __init__(self, module: Any, ids: Mapping[int, Sequence[int]]) -> None:
        self._module, self._ids = module, ids

    def times(self, case: Case) -> Times:
        """In inference mode, and no token ends a text: hardly more than the model's own work."""
        import torch

        with torch.inference_mode(), self._without_end():
            return self._times(case, forced=False)

    def times_as_usual(self, case: Case) -> Times:
        """With ``min_new_tokens``, and without gradients as ``generate`` sees to it itself.

        At every token ``generate`` then looks through the whole vocabulary for the tokens that it
        must not pick yet, and torch keeps account of tensors that might still want gradients.
        """
        return self._times(case, forced=True)

    def continuation(self, prompt: Sequence[int], new_tokens: int) -> list[int]:
        """The tokens that follow greedily."""
        import torch

        ids = self._generate(torch.tensor([list(prompt)]), new_tokens, forced=True)
        return [int(token) for token in ids[0, len(prompt) :]]

    def _times(self, case: Case, *, forced: bool) -> Times:
        import torch

        given = torch.tensor([list(self._ids[case.prompt_tokens])] * case.batch_size)
        ttft_s = self._seconds(given, 1, forced=forced)
        end_to_end_s = self._seconds(given, case.new_tokens, forced=forced)
        return Times(ttft_s, (end_to_end_s - ttft_s) / (case.new_tokens - 1), end_to_end_s)

    def _seconds(self, ids: torch.Tensor, new_tokens: int, *, forced: bool) -> float:
        start = time.perf_counter()
        generated = self._generate(ids, new_tokens, forced=forced)
        seconds = time.perf_counter() - start
        if generated.shape[1] != ids.shape[1] + new_tokens:
            raise RuntimeError(f"generate has not made {new_tokens} tokens: {generated.shape}")
        return seconds

    def _generate(self, ids: torch.Tensor, new_tokens: int, *, forced: bool) -> torch.Tensor:
        import torch

        generated: torch.Tensor = self._module.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=new_tokens,
            do_sample=False,
            use_cache=True,
            **({"min_new_tokens": new_tokens} if forced else {}),
        )
        return generated

    @contextmanager
    def _without_end(self) -> Iterator[None]:
        """Of a configuration that is handed over, ``generate`` fills such gaps from this one."""
        usual = self._module.generation_config
        self._module.generation_config = copy.deepcopy(usual)
        self._module.generation_config.eos_token_id = None
        try:
            yield
        finally:
            self._module.generation_config = usual
