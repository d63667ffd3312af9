"""What a model can take and where its texts end, gathered from the places that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from distill_fixtures.errors import OptionError
from distill_fixtures.models.model_task import task_of_plan
from distill_fixtures.models.plan import ModelPlan

__all__ = [
    "check_room",
    "end_tokens_of",
    "has_limited_reach",
    "length_that_changes_positions",
    "looks_ahead",
    "text_window_of",
    "two_windows_of",
    "window_of",
    "window_of_plan",
]

# Settings of layers that do not look back over the whole text.
REACH_NAMES = ("sliding_window", "attention_window", "window_size", "attention_chunk_size")
# Rotary positions that are stretched once a text is longer than those of the training.
# (`dynamic` ones are stretched beyond the window, which no text here is.)
STRETCHING_ROPES = ("longrope",)
WINDOW_NAMES = ("n_positions", "max_position_embeddings", "n_ctx", "max_seq_len")
# They number positions from behind the id of their padding token on, so that a table of 514 takes
# 512 tokens.
POSITIONS_BEHIND_PADDING = frozenset(
    {
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "layoutlmv3",
        "lilt",
        "longformer",
        "luke",
        "markuplm",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
USUAL_PADDING_TOKEN = 1
# Where encoder and decoder have windows of different length (LED).
ENCODER_WINDOW_NAME = "max_encoder_position_embeddings"
DECODER_WINDOW_NAME = "max_decoder_position_embeddings"


def check_room(plans: Mapping[str, ModelPlan], new_tokens: int) -> None:
    """Refuse more new tokens than a model can look at, told from its configuration alone.

    A causal model looks at them beside the prompt; an encoder-decoder has a window for each; a
    classifier writes none.

    Args:
        plans: the models that are timed, by role.
        new_tokens: generated for each sample.

    Raises:
        OptionError: a model's window has no room for them and one token of a prompt.
    """
    for role, plan in plans.items():
        task, window = task_of_plan(plan), window_of_plan(plan)
        if window is None or task == "classification":
            continue
        most = window if task == "seq2seq" else window - 1
        if new_tokens > most:
            raise OptionError(
                "--distill-new-tokens leaves no room for a prompt"
                if most < window
                else "--distill-new-tokens is more than a decoder can write",
                got=f"{new_tokens}; the {role} {plan.reference} has a window of {window} tokens",
                wanted=f"at most {most}",
                next_step="give a smaller --distill-new-tokens",
            )


def window_of_plan(plan: ModelPlan) -> int | None:
    """Tokens that the model can look at together, an encoder-decoder those that it can write; None
    where its configuration does not say."""
    config = (plan.base or plan).config
    written = config.get(DECODER_WINDOW_NAME)
    return written if isinstance(written, int) and written > 0 else _window(config.get)


def window_of(config: Any, tokenizer: Any) -> int:
    """Tokens that the model can look at together, found where lm-evaluation-harness looks."""
    found = _window(lambda name: getattr(config, name, None))
    return found or _limit_of(tokenizer) or 2048


def text_window_of(config: Any, tokenizer: Any) -> int:
    """Tokens of a text that a classifier is shown: its window, or fewer where its tokenizer says
    so, by whose limit classification pipelines cut."""
    window = window_of(config, tokenizer)
    return min(window, _limit_of(tokenizer) or window)


def _window(setting: Callable[[str], Any]) -> int | None:
    for name in WINDOW_NAMES:
        value = setting(name)
        if isinstance(value, int) and value > 0:
            return value - _lost_positions(setting)
    return None


def _lost_positions(setting: Callable[[str], Any]) -> int:
    if setting("model_type") not in POSITIONS_BEHIND_PADDING:
        return 0
    token = setting("pad_token_id")
    return 1 + (token if isinstance(token, int) else USUAL_PADDING_TOKEN)


def _limit_of(tokenizer: Any) -> int | None:
    limit = getattr(tokenizer, "model_max_length", None)
    # Tokenizers without a limit say 10^30.
    return int(limit) if isinstance(limit, int) and 0 < limit < 10**9 else None


def two_windows_of(config: Any, tokenizer: Any) -> tuple[int, int]:
    """Tokens that an encoder and that a decoder can look at; for most one figure says both."""
    found = []
    for side, name in (("encoder", ENCODER_WINDOW_NAME), ("decoder", DECODER_WINDOW_NAME)):
        own = getattr(config, name, None)
        inner = getattr(config, side, None)  # T5Gemma has a configuration for each
        found.append(
            own
            if isinstance(own, int) and own > 0
            else window_of(inner if hasattr(inner, "model_type") else config, tokenizer)
        )
    return found[0], found[1]


def end_tokens_of(module: Any, tokenizer: Any) -> tuple[int, ...]:
    """Every token id that ends a text, as model, generation settings and tokenizer say."""
    found: set[int] = set()
    for source in (module.config, getattr(module, "generation_config", None), tokenizer):
        value = getattr(source, "eos_token_id", None)
        found.update(value if isinstance(value, list | tuple) else [] if value is None else [value])
    rows = module.get_input_embeddings().weight.shape[0]
    return tuple(sorted(token for token in found if token < rows))


def has_limited_reach(config: Any) -> bool:
    """Whether some layers look back over a part of the text only."""
    settings = config.get_text_config()
    return any(getattr(settings, name, None) is not None for name in REACH_NAMES)


def looks_ahead(config: Any) -> bool:
    """Whether a token's figures may depend on what follows, be it padding.

    DeepSeek-V3.2's sparse attention picks its keys by an index over the whole row.
    """
    return getattr(config.get_text_config(), "index_topk", None) is not None


def length_that_changes_positions(config: Any) -> int | None:
    """The length from which on a row's positions depend on its length; None where they never do."""
    settings = config.get_text_config()
    ropes = getattr(settings, "rope_parameters", None) or {}
    # One setting for all layers, or one for each kind of layer.
    every = [ropes, *(each for each in ropes.values() if isinstance(each, dict))]
    lengths = [
        rope.get("original_max_position_embeddings")
        or getattr(settings, "original_max_position_embeddings", None)
        or settings.max_position_embeddings
        for rope in every
        if rope.get("rope_type") in STRETCHING_ROPES
    ]
    return min(lengths) if lengths else None
