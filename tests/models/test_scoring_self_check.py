"""Modules that give wrong scores where work is shared, and must be found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from distill_fixtures.models.protocol import ScoreRequest
from tests.models.scoring_models import METHODS, model_of
from tests.one_by_one import assert_equal_scores, one_by_one
from tests.scoring_requests import REQUESTS
from tests.tiny_architectures import GROUPED, USUAL
from tests.tiny_models import make_llama


def self_willed_attention(*, keeps_cache: bool) -> Any:
    """A Llama whose attention looks at all that came before, whatever the mask says."""
    import torch

    class Attention(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(
            self,
            hidden_states: Any,
            position_embeddings: Any,
            attention_mask: Any = None,
            past_key_values: Any = None,
            **_: Any,
        ) -> tuple[Any, None]:
            from transformers.models.llama.modeling_llama import apply_rotary_pos_emb, repeat_kv

            inner = self.inner
            shape = (*hidden_states.shape[:-1], -1, inner.head_dim)
            query, key, value = (
                project(hidden_states).view(shape).transpose(1, 2)
                for project in (inner.q_proj, inner.k_proj, inner.v_proj)
            )
            query, key = apply_rotary_pos_emb(query, key, *position_embeddings)
            if keeps_cache and past_key_values is not None:
                key, value = past_key_values.update(key, value, inner.layer_idx)
            keys, queries = key.shape[2], query.shape[2]
            seen = torch.ones((queries, keys), dtype=torch.bool).tril(keys - queries)
            groups = inner.num_key_value_groups
            mixed = torch.nn.functional.scaled_dot_product_attention(
                query, repeat_kv(key, groups), repeat_kv(value, groups), attn_mask=seen
            )
            return inner.o_proj(mixed.transpose(1, 2).flatten(2)), None

    module = make_llama()
    for layer in module.model.layers:
        layer.self_attn = Attention(layer.self_attn)
    return module


def mixed_neighbours(distance: int) -> Any:
    """A Llama whose layers add what stood some tokens before, neither masked nor cached."""
    import torch

    class Mixing(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, hidden: Any) -> Any:
            before = torch.nn.functional.pad(hidden, (0, 0, distance, 0))[:, : hidden.shape[1]]
            return self.inner(hidden) + 0.5 * before

    module = make_llama()
    for layer in module.model.layers:
        layer.mlp = Mixing(layer.mlp)
    return module


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: self_willed_attention(keeps_cache=True), id="mask ignored"),
        pytest.param(lambda: self_willed_attention(keeps_cache=False), id="cache ignored"),
        pytest.param(lambda: mixed_neighbours(1), id="neighbours mixed"),
        # Short texts do not show it.
        pytest.param(lambda: mixed_neighbours(40), id="distant tokens mixed"),
    ],
)
def test_a_module_that_is_wrong_in_packs_is_found_out(
    make: Callable[[], Any], backwards: bool
) -> None:
    module = make()
    requests = REQUESTS[::-1] if backwards else REQUESTS
    wanted = one_by_one(module, requests)
    model = model_of(module)
    assert_equal_scores(model.score_many(requests), wanted, requests)
    assert model.scoring_method in METHODS - {"packed"}


def test_memory_that_runs_out_in_the_check_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from distill_fixtures.models import likelihood_scorer
    from distill_fixtures.models.packed_scoring import PackedTreesWay
    from distill_fixtures.models.row_scoring import score_alone

    module = make_llama()
    wanted = one_by_one(module, REQUESTS)
    score, failures = PackedTreesWay.score, iter([True])

    def wrong(self: PackedTreesWay, members: Any, budget_tokens: int) -> list[list[float]]:
        return [[value + 5 for value in sums] for sums in score(self, members, budget_tokens)]

    def short_of_memory(*arguments: Any) -> float:
        if next(failures, False):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return score_alone(*arguments)

    monkeypatch.setattr(PackedTreesWay, "score", wrong)
    monkeypatch.setattr(likelihood_scorer, "score_alone", short_of_memory)
    model = model_of(module)
    assert_equal_scores(model.score_many(REQUESTS), wanted, REQUESTS)
    assert model.scoring_method != "packed"
    assert next(failures, None) is None


def test_a_window_that_layers_do_not_tell_of_shows_in_any_long_option() -> None:
    import torch
    from transformers import PhimoeConfig, PhimoeForCausalLM

    torch.manual_seed(0)
    # Its attention masks a window of which it tells no attention function.
    config = PhimoeConfig(**{**USUAL, **GROUPED}, num_local_experts=2, sliding_window=16)
    module = PhimoeForCausalLM(config).eval()
    short = ScoreRequest("short", "What is the energy level?", (" a", " b"))
    middle = ScoreRequest("middle", "The fox", (" a", " " + "jumps over the lazy dog " * 3, " b"))
    model = model_of(module)
    for request in (short, middle):
        (scored,) = model.score_many([request])
        assert_equal_scores([scored], one_by_one(module, [request]), [request])


def test_a_request_that_shares_nothing_is_scored_row_by_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distill_fixtures.models import likelihood_scorer

    monkeypatch.setattr(likelihood_scorer, "MAX_MASK_CELLS", 0)
    module = make_llama()
    model = model_of(module)
    alike = ("begin alike", "many options", "long context")
    requests = [request for request in REQUESTS if request.key in alike]
    assert_equal_scores(model.score_many(requests), one_by_one(module, requests), requests)
    assert model.scoring_method == "one by one"
