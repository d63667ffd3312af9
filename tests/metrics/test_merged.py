"""What merging would bring, by hand and by its properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import gmean

from distill_fixtures.metrics.merged import merged_model
from distill_fixtures.metrics.sections import MODEL_SECTIONS, why_not_gradable
from distill_fixtures.records import Round, Undefined
from tests.metrics.made_up import make_round
from tests.metrics.test_time_sections import noisy_rounds


def figures(unmerged: list[Round], merged: list[Round], seed: int = 0) -> Any:
    section = merged_model({"unmerged": unmerged, "merged": merged}, seed)
    assert set(section.values) == set(MODEL_SECTIONS["merged"])
    assert section.samples == len(merged)
    return section.values["merged"]


def test_by_hand() -> None:
    unmerged = [make_round((0.5, 1.0, 2.0)), make_round((1.0, 1.5, 3.0))]
    merged = [make_round((0.5, 1.0, 1.0)), make_round((0.25, 0.5, 1.0))]
    found = figures(unmerged, merged)
    assert found == {
        "inference_time_s": 1.0,
        "ttft_s": 0.375,
        "tpot_s": pytest.approx((0.25 + 0.375) / 2),
        "tokens_per_s": 3.0,
        "speedup": pytest.approx(np.sqrt(2 * 3)),
        "speedup_ci95": Undefined("2 rounds; an interval needs 5"),
        "rounds": 2,
    }


def test_the_ratio_is_the_median_of_the_pairs() -> None:
    unmerged, merged = noisy_rounds(1, 9, scale=1.3), noisy_rounds(2, 9)
    ratios = [one.seconds / other.seconds for one, other in zip(unmerged, merged, strict=True)]
    found = figures(unmerged, merged)
    assert found["speedup"] == pytest.approx(np.median(ratios))
    low, high = found["speedup_ci95"]
    assert low <= found["speedup"] <= high
    assert low < gmean(ratios) < high


def test_swapping_the_two_inverts_the_ratio() -> None:
    unmerged, merged = noisy_rounds(3, 8, scale=1.2), noisy_rounds(4, 8)
    there, back = figures(unmerged, merged), figures(merged, unmerged)
    assert there["speedup"] == pytest.approx(1 / back["speedup"])
    same = figures(merged, merged)
    assert same["speedup"] == 1.0
    assert same["speedup_ci95"] == (1.0, 1.0)


def test_one_token_has_no_further_one() -> None:
    found = figures([make_round((0.5,))], [make_round((0.25,))])
    assert isinstance(found["tpot_s"], Undefined)
    assert found["speedup"] == 2.0


def test_rounds_must_pair() -> None:
    rounds = noisy_rounds(5, 3)
    with pytest.raises(ValueError, match="cannot pair"):
        figures(rounds, rounds[:2])
    with pytest.raises(ValueError, match="same samples"):
        figures(rounds, noisy_rounds(5, 3, tokens=5))


def test_it_is_no_one_number() -> None:
    assert why_not_gradable("merged") is not None
