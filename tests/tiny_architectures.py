"""A tiny random model of every kind of causal architecture.

Weights are drawn wide, so that logits are far from flat and a token that sees what it should not
(or misses what it should) moves a log-likelihood by much more than any tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.tiny_models import VOCABULARY, WINDOW

__all__ = ["ARCHITECTURES", "GROUPED", "SHORT_REACH", "USUAL", "make_architecture"]

SHORT_REACH = 8
"""Tokens that a local layer looks back on; shorter than any text but the shortest."""

LAYERS = 2
HIDDEN = 32
HEADS = 4
SPREAD = 0.2

# Names that most configurations share.
USUAL: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": HEADS,
    "max_position_embeddings": WINDOW,
    "initializer_range": SPREAD,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
# Names of GPT-2's time.
OLD: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_positions": WINDOW,
    "n_embd": HIDDEN,
    "n_layer": LAYERS,
    "n_head": HEADS,
    "initializer_range": SPREAD,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
GROUPED: Mapping[str, Any] = {"num_key_value_heads": 2}
WIDE_HEADS: Mapping[str, Any] = {**GROUPED, "head_dim": 8}
LOCAL_AND_GLOBAL = ["sliding_attention", "full_attention"]
EXPERTS: Mapping[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2}
LONG_ROPE: Mapping[str, Any] = {
    "rope_type": "longrope",
    "rope_theta": 10_000.0,
    "short_factor": [1.0, 1.1, 1.2, 1.3],
    "long_factor": [1.5, 2.0, 3.0, 4.0],
    "original_max_position_embeddings": 32,
}
NO_WINDOW: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "initializer_range": SPREAD,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
FALCON: Mapping[str, Any] = {**USUAL, "ffn_hidden_size": 48}

RECIPES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # Rotary positions, full attention.
    "llama": ("LlamaConfig", USUAL),
    "llama grouped and tied": (
        "LlamaConfig",
        {**USUAL, **GROUPED, "tie_word_embeddings": True},
    ),
    "llama dynamic rope": (
        "LlamaConfig",
        {
            **USUAL,
            # The window that it was trained with: beyond it the rotation would change.
            "max_position_embeddings": 48,
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 4.0},
        },
    ),
    "qwen2": ("Qwen2Config", {**USUAL, **GROUPED}),
    "qwen3": ("Qwen3Config", {**USUAL, **WIDE_HEADS}),
    "gemma": ("GemmaConfig", {**USUAL, **WIDE_HEADS, "tie_word_embeddings": True}),
    "gpt-neox": ("GPTNeoXConfig", {**USUAL, "rotary_pct": 0.5}),
    "gpt-j": ("GPTJConfig", {**OLD, "rotary_dim": 4}),
    "phi": ("PhiConfig", USUAL),
    "phi-3": ("Phi3Config", {**USUAL, **GROUPED}),
    "phi-3 longrope": (
        "Phi3Config",
        {
            **USUAL,
            "rope_parameters": LONG_ROPE,
            "original_max_position_embeddings": 32,
        },
    ),
    "stablelm": ("StableLmConfig", USUAL),
    "olmo2": ("Olmo2Config", USUAL),
    "starcoder2": ("Starcoder2Config", {**USUAL, **GROUPED}),
    "falcon": ("FalconConfig", {**FALCON, "alibi": False}),
    "falcon new decoder": (
        "FalconConfig",
        {**FALCON, "alibi": False, "new_decoder_architecture": True, "num_kv_heads": 2},
    ),
    # Logits or residuals scaled.
    "cohere": ("CohereConfig", {**USUAL, "logit_scale": 1.5}),
    "granite": (
        "GraniteConfig",
        {
            **USUAL,
            "logits_scaling": 0.5,
            "residual_multiplier": 0.5,
            "embedding_multiplier": 3.0,
            "attention_multiplier": 0.25,
        },
    ),
    # Layers that look back a few tokens only.
    "mistral": ("MistralConfig", {**USUAL, **GROUPED, "sliding_window": SHORT_REACH}),
    "qwen2 sliding": (
        "Qwen2Config",
        {
            **USUAL,
            "use_sliding_window": True,
            "sliding_window": SHORT_REACH,
            "max_window_layers": 1,
        },
    ),
    "gemma 2": (
        "Gemma2Config",
        {
            **USUAL,
            **WIDE_HEADS,
            "sliding_window": SHORT_REACH,
            "layer_types": LOCAL_AND_GLOBAL,
            "attn_logit_softcapping": 5.0,
            "final_logit_softcapping": 8.0,
            "query_pre_attn_scalar": 8,
            "tie_word_embeddings": True,
        },
    ),
    "gemma 3": (
        "Gemma3TextConfig",
        {
            **USUAL,
            **WIDE_HEADS,
            "sliding_window": SHORT_REACH,
            "layer_types": LOCAL_AND_GLOBAL,
            "query_pre_attn_scalar": 8,
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
                "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
            },
        },
    ),
    "gpt-neo": (
        "GPTNeoConfig",
        {
            "vocab_size": VOCABULARY,
            "hidden_size": HIDDEN,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "attention_types": [[["global", "local"], 1]],
            "window_size": SHORT_REACH,
            "max_position_embeddings": WINDOW,
            "initializer_range": SPREAD,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
        },
    ),
    "gpt-oss": (
        "GptOssConfig",
        {
            **USUAL,
            **WIDE_HEADS,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "sliding_window": SHORT_REACH,
            "layer_types": LOCAL_AND_GLOBAL,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        },
    ),
    "llama 4": (
        "Llama4TextConfig",
        {
            **USUAL,
            **WIDE_HEADS,
            "intermediate_size_mlp": 48,
            "num_local_experts": 2,
            "attention_chunk_size": SHORT_REACH,
            "layer_types": ["chunked_attention", "full_attention"],
            "no_rope_layers": [1, 0],
            "interleave_moe_layer_step": 2,
        },
    ),
    # Learned positions.
    "gpt-2": ("GPT2Config", OLD),
    "opt": (
        "OPTConfig",
        {**USUAL, "ffn_dim": 48, "word_embed_proj_dim": HIDDEN, "init_std": SPREAD},
    ),
    "opt projected": (
        "OPTConfig",
        {**USUAL, "ffn_dim": 48, "word_embed_proj_dim": 16, "init_std": SPREAD},
    ),
    # Positions by distance.
    "bloom": ("BloomConfig", {**NO_WINDOW, "n_layer": LAYERS, "n_head": HEADS}),
    "mpt": (
        "MptConfig",
        {
            "d_model": HIDDEN,
            "n_heads": HEADS,
            "n_layers": LAYERS,
            "max_seq_len": WINDOW,
            "vocab_size": VOCABULARY,
            "initializer_range": SPREAD,
        },
    ),
    "falcon alibi": ("FalconConfig", {**FALCON, "alibi": True}),
    # Experts.
    "mixtral": (
        "MixtralConfig",
        {**USUAL, **GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    "qwen3 moe": (
        "Qwen3MoeConfig",
        {**USUAL, **WIDE_HEADS, **EXPERTS, "moe_intermediate_size": 24},
    ),
    "deepseek v3": (
        "DeepseekV3Config",
        {
            **USUAL,
            "moe_intermediate_size": 24,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_group": 2,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "q_lora_rank": 16,
            "kv_lora_rank": 16,
            "qk_rope_head_dim": 8,
            "qk_nope_head_dim": 8,
            "v_head_dim": 8,
            "n_shared_experts": 1,
        },
    ),
    # States that are carried from token to token.
    "mamba": ("MambaConfig", {**NO_WINDOW, "state_size": 8}),
    "mamba 2": (
        "Mamba2Config",
        {
            **NO_WINDOW,
            "num_heads": 8,
            "head_dim": 8,
            "n_groups": 2,
            "state_size": 8,
            "chunk_size": 16,
        },
    ),
    "rwkv": ("RwkvConfig", {**NO_WINDOW, "context_length": WINDOW, "attention_hidden_size": 32}),
    "jamba": (
        "JambaConfig",
        {
            **USUAL,
            **GROUPED,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 2,
            "expert_layer_offset": 1,
            "mamba_d_state": 8,
        },
    ),
    "zamba 2": (
        "Zamba2Config",
        {
            **USUAL,
            "attention_hidden_size": 64,
            "layers_block_type": ["linear_attention", "hybrid"],
            "mamba_d_state": 8,
            "n_mamba_heads": 8,
            "mamba_ngroups": 2,
            "chunk_size": 16,
            "num_mem_blocks": 1,
            "use_mem_rope": True,
        },
    ),
    "recurrent gemma": (
        "RecurrentGemmaConfig",
        {
            **USUAL,
            "head_dim": 8,
            "lru_width": HIDDEN,
            "attention_window_size": SHORT_REACH,
            "block_types": ["recurrent", "attention"],
            "w_init_variance_scale": 1.0,
        },
    ),
    "lfm2": (
        "Lfm2Config",
        {
            **USUAL,
            **GROUPED,
            "layer_types": ["conv", "full_attention"],
            "block_multiple_of": 8,
        },
    ),
    "qwen3 next": (
        "Qwen3NextConfig",
        {
            **USUAL,
            **WIDE_HEADS,
            **EXPERTS,
            "moe_intermediate_size": 24,
            "shared_expert_intermediate_size": 24,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "layer_types": ["linear_attention", "full_attention"],
        },
    ),
}


def make_architecture(name: str, *, seed: int = 0) -> Any:
    """A model by its name in :data:`RECIPES`, in eval mode, float32, on the CPU."""
    import torch
    import transformers

    config_name, settings = RECIPES[name]
    torch.manual_seed(seed)
    config = getattr(transformers, config_name)(**settings)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


ARCHITECTURES: Mapping[str, Callable[[], Any]] = {
    name: partial(make_architecture, name) for name in RECIPES
}
"""Every model by name, built anew at each call."""
