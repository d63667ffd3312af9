"""Scores of the other architectures of transformers, against plain one-by-one arithmetic."""

from __future__ import annotations

import pytest

from tests.models.scoring_models import METHODS, model_of
from tests.more_architectures import MORE_ARCHITECTURES
from tests.one_by_one import assert_equal_scores, one_by_one
from tests.scoring_requests import REQUESTS


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE_ARCHITECTURES)
def test_scores_are_those_of_single_rows(name: str) -> None:
    wanted = one_by_one(MORE_ARCHITECTURES[name](), REQUESTS)
    model = model_of(MORE_ARCHITECTURES[name]())
    assert_equal_scores(model.score_many(REQUESTS), wanted, REQUESTS)
    assert model.scoring_method in METHODS
