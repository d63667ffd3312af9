"""Running the two halves of an encoder-decoder: the encoder once, the decoder beside its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.peft_modules import plain_module

if TYPE_CHECKING:
    import torch

__all__ = ["EncodedRows", "EncodedTexts", "decoder_start_token", "run_decoder", "run_encoder"]


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """What an encoder made of texts, padded on their right.

    Attributes:
        output: the encoder's own; its first part is ``[texts, longest, width]``.
        mask: 1 where a text is and 0 at padding, ``[texts, longest]``; None: nothing is padded.
    """

    output: Any
    mask: torch.Tensor | None

    def repeated(self, places: Sequence[int]) -> EncodedTexts:
        """The texts of these places, in this order; a text may come several times."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        hidden = self.output[0]
        index = torch.tensor(list(places), device=hidden.device)
        mask = None if self.mask is None else self.mask.index_select(0, index)
        return EncodedTexts(BaseModelOutput(hidden.index_select(0, index)), mask)


def decoder_start_token(module: Any) -> int:
    """The token that a decoder's text starts from, as transformers' ``generate`` takes it.

    Raises:
        MeasurementError: neither generation settings nor configuration name one.
    """
    plain = plain_module(module)
    for name in ("decoder_start_token_id", "bos_token_id"):
        for source in (getattr(plain, "generation_config", None), plain.config):
            token = getattr(source, name, None)
            if isinstance(token, int):
                return token
    raise MeasurementError(
        "the model's decoder has no token to start from",
        got="no decoder_start_token_id in its generation settings or configuration",
        wanted="one, such as T5's padding token",
        next_step="put decoder_start_token_id into config.json",
    )


def run_encoder(module: Any, texts: Sequence[Sequence[int]]) -> EncodedTexts:
    """Read texts as one batch.

    Args:
        module: an encoder-decoder, perhaps with a PEFT adapter's layers in it.
        texts: token ids, none empty.
    """
    import torch

    # On the right: learned positions are counted from the left, padding or not.
    longest = max(len(text) for text in texts)
    ids = torch.zeros((len(texts), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(list(text))
        mask[row, : len(text)] = 1
    padded = any(len(text) < longest for text in texts)
    on_device = mask.to(module.device) if padded else None
    encoder = plain_module(module).get_encoder()
    return EncodedTexts(
        encoder(input_ids=ids.to(module.device), attention_mask=on_device), on_device
    )


def run_decoder(module: Any, encoded: EncodedTexts, ids: torch.Tensor, **given: Any) -> Any:
    """The module's output beside texts that were read already.

    Args:
        ids: decoder input tokens, ``[texts, tokens]``.
        given: further arguments of the module's.
    """
    return plain_module(module)(
        encoder_outputs=encoded.output,
        attention_mask=encoded.mask,
        decoder_input_ids=ids,
        **given,
    )


class EncodedRows:
    """Texts that a decoder writes token by token as one batch, each beside its prompt.

    The encoder reads the prompts when the first logits are asked for. Prompts of unequal length are
    padded on their right; the padding is masked.

    Args:
        module: an encoder-decoder, perhaps with a PEFT adapter over it.
        prompts: token ids, none empty.
    """

    def __init__(self, module: Any, prompts: Sequence[Sequence[int]]) -> None:
        import torch

        self._module = module
        self._prompts = prompts
        self._ids = torch.full((len(prompts), 1), decoder_start_token(module), device=module.device)
        self._encoded: EncodedTexts | None = None
        self._cache: Any = None

    def next_logits(self) -> torch.Tensor:
        """Logits of the token after each row, float32 ``[batch, vocabulary]``."""
        if self._encoded is None:
            self._encoded = run_encoder(self._module, self._prompts)
        given = {} if self._cache is None else {"past_key_values": self._cache}
        output = run_decoder(self._module, self._encoded, self._ids, use_cache=True, **given)
        self._cache = getattr(output, "past_key_values", None)
        return output.logits[:, -1].float()  # type: ignore[no-any-return]

    def append(self, tokens: torch.Tensor) -> None:
        """Go on with one token a row, ``[batch]``."""
        import torch

        new = tokens.unsqueeze(-1)
        # Where nothing is kept, the whole rows run through the decoder again.
        self._ids = new if self._cache is not None else torch.cat([self._ids, new], dim=-1)
