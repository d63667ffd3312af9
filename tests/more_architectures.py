"""The other causal architectures of transformers, built from settings that they have in common.

Those of :mod:`tests.tiny_architectures` stand for a mechanism each; these are there so that no
architecture is trusted without a look. Left out are what the common settings cannot make tiny and
what takes more than text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.tiny_architectures import (
    EXPERTS,
    GROUPED,
    HEADS,
    HIDDEN,
    LAYERS,
    LOCAL_AND_GLOBAL,
    OLD,
    SHORT_REACH,
    SPREAD,
    USUAL,
    WIDE_HEADS,
)
from tests.tiny_models import VOCABULARY, WINDOW

__all__ = ["MORE_ARCHITECTURES"]

RICH: Mapping[str, Any] = {
    **USUAL,
    **WIDE_HEADS,
    **EXPERTS,
    "moe_intermediate_size": 24,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "ffn_dim": 48,
    "d_model": HIDDEN,
    "decoder_layers": LAYERS,
    "decoder_attention_heads": HEADS,
    "decoder_ffn_dim": 48,
    "sliding_window": SHORT_REACH,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}

FROM_USUAL = [
    "ApertusConfig",
    "ArceeConfig",
    "AriaTextConfig",
    "BertConfig",
    "BertGenerationConfig",
    "BigBirdConfig",
    "BioGptConfig",
    "BitNetConfig",
    "CTRLConfig",
    "CwmConfig",
    "DiffLlamaConfig",
    "DogeConfig",
    "Ernie4_5Config",
    "Exaone4Config",
    "FalconMambaConfig",
    "FlexOlmoConfig",
    "Gemma4UnifiedTextConfig",
    "GlmConfig",
    "Glm4Config",
    "GPTBigCodeConfig",
    "GPTNeoXJapaneseConfig",
    "GraniteMoeConfig",
    "GraniteMoeSharedConfig",
    "HyperCLOVAXConfig",
    "Jais2Config",
    "JetMoeConfig",
    "MegatronBertConfig",
    "MiniMaxConfig",
    "Ministral3Config",
    "ModernBertDecoderConfig",
    "NanoChatConfig",
    "NemotronConfig",
    "OlmoConfig",
    "Olmo3Config",
    "OlmoHybridConfig",
    "OlmoeConfig",
    "OpenAIGPTConfig",
    "PersimmonConfig",
    "PhimoeConfig",
    "RemBertConfig",
    "RoFormerConfig",
    "SeedOssConfig",
    "SmolLM3Config",
    "TrOCRConfig",
    "VaultGemmaConfig",
    "XGLMConfig",
    "XLMConfig",
    "HrmTextConfig",
    "MiniCPM3Config",
    "InternLM3Config",
    "GraniteSWAConfig",
    "GraniteMoeSWAConfig",
    "MiniMaxM2Config",
    "MiniMaxM3VLTextConfig",
]
FROM_RICH = [
    "AfmoeConfig",
    "BartConfig",
    "BigBirdPegasusConfig",
    "BlenderbotConfig",
    "DeepseekV4Config",
    "Ernie4_5_MoeConfig",
    "ExaoneMoeConfig",
    "Glm4MoeConfig",
    "HeliumConfig",
    "HunYuanDenseV1Config",
    "HunYuanMoEV1Config",
    "MarianConfig",
    "MBartConfig",
    "MiMoV2FlashConfig",
    "MinistralConfig",
    "MvpConfig",
    "PegasusConfig",
    "PLBartConfig",
    "Qwen2MoeConfig",
    "SolarOpenConfig",
    "LagunaConfig",
    "HYV3Config",
    "HYV4Config",
]


MAMBA: Mapping[str, Any] = {
    "mamba_n_heads": 8,
    "mamba_d_head": 8,
    "mamba_d_state": 8,
    "mamba_n_groups": 1,
    "mamba_chunk_size": 16,
    "mamba_expand": 2,
}
LINEAR_ATTENTION: Mapping[str, Any] = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
}
NARROW_LAYER_EMBEDDING: Mapping[str, Any] = {
    "num_kv_shared_layers": 0,
    "vocab_size_per_layer_input": VOCABULARY,
    "hidden_size_per_layer_input": 8,
    "global_head_dim": 8,
}
FROM_OWN: Mapping[str, Mapping[str, Any]] = {
    "Dots1Config": {**RICH, "first_k_dense_replace": 1, "n_shared_experts": 1},
    "XLNetConfig": {
        "vocab_size": VOCABULARY,
        "d_model": HIDDEN,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "d_inner": 48,
        "initializer_range": SPREAD,
    },
    "ReformerConfig": {
        "is_decoder": True,
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "attn_layers": ["local", "local"],
        "axial_pos_embds": False,
        "max_position_embeddings": WINDOW,
        "num_attention_heads": HEADS,
        "attention_head_size": 8,
        "feed_forward_size": 48,
        "local_attn_chunk_length": 16,
        "initializer_range": SPREAD,
    },
    "FalconH1Config": {**USUAL, **GROUPED, **MAMBA, "mamba_d_ssm": 64},
    "NemotronHConfig": {
        **RICH,
        "layer_types": ["mamba", "attention"],
        "mamba_num_heads": 8,
        "mamba_head_dim": 8,
        "ssm_state_size": 8,
        "n_groups": 2,
        "chunk_size": 16,
    },
    "GraniteMoeHybridConfig": {
        **USUAL,
        **GROUPED,
        **MAMBA,
        "layer_types": ["mamba", "attention"],
    },
    "Gemma4TextConfig": {
        **USUAL,
        **WIDE_HEADS,
        **NARROW_LAYER_EMBEDDING,
        "layer_types": LOCAL_AND_GLOBAL,
        "sliding_window": SHORT_REACH,
    },
    "Qwen3_5TextConfig": {**USUAL, **WIDE_HEADS, **LINEAR_ATTENTION},
    "Qwen3_5MoeTextConfig": {
        **USUAL,
        **WIDE_HEADS,
        **LINEAR_ATTENTION,
        **EXPERTS,
        "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 24,
    },
    "CodeGenConfig": {**OLD, "rotary_dim": 4, "n_ctx": WINDOW, "n_embd": 64},
    "Lfm2MoeConfig": {
        **RICH,
        "layer_types": ["conv", "full_attention"],
        "num_dense_layers": 1,
    },
    "Cohere2Config": {
        **USUAL,
        **GROUPED,
        "logit_scale": 1.5,
        "sliding_window": SHORT_REACH,
        "layer_types": LOCAL_AND_GLOBAL,
    },
    "DeepseekV2Config": {
        **RICH,
        "num_key_value_heads": HEADS,
        "first_k_dense_replace": 1,
        "topk_method": "greedy",
    },
    "DeepseekV32Config": {
        **RICH,
        "num_key_value_heads": HEADS,
        "first_k_dense_replace": 1,
        "index_n_heads": 2,
        "index_head_dim": 16,
        "index_topk": 16,
    },
}


def _make(config_name: str, settings: Mapping[str, Any]) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, config_name)(**settings)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


MORE_ARCHITECTURES: Mapping[str, Callable[[], Any]] = {
    **{name: partial(_make, name, USUAL) for name in FROM_USUAL},
    **{name: partial(_make, name, RICH) for name in FROM_RICH},
    **{name: partial(_make, name, settings) for name, settings in FROM_OWN.items()},
}
"""Every model by the name of its configuration, built anew at each call."""
