"""What a model's settings say of tokens, whatever their likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from distill_fixtures.models.model_limits import end_tokens_of

__all__ = ["TokenRules", "seq2seq_rules"]


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Tokens that are forced or ruled out where a text is written.

    Attributes:
        end: they end a text.
        never: they are never written.
        first: every text begins with it; None: with the likeliest token.
        ends_at_limit: the last place of a text that reaches its limit is an end token's, so that
            one token less is written.
    """

    end: tuple[int, ...]
    never: tuple[int, ...] = ()
    first: int | None = None
    ends_at_limit: bool = False


def seq2seq_rules(module: Any, tokenizer: Any) -> TokenRules:
    """The rules of an encoder-decoder's generation settings, as ``generate`` keeps them.

    BART's summarisers force a first and a last token; Marian rules its padding token out. Of what
    is ruled out, phrases of several tokens are left aside.
    """
    settings = getattr(module, "generation_config", None)
    end = end_tokens_of(module, tokenizer)
    bad = getattr(settings, "bad_words_ids", None) or []
    never = {ids[0] for ids in bad if len(ids) == 1} - set(end)
    never |= set(getattr(settings, "suppress_tokens", None) or [])
    return TokenRules(
        end=end,
        never=tuple(sorted(never)),
        first=getattr(settings, "forced_bos_token_id", None),
        ends_at_limit=getattr(settings, "forced_eos_token_id", None) is not None,
    )
