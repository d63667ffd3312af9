"""Recordings out of documents: the same figures come out of them again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from distill_fixtures.errors import ResultFileError
from distill_fixtures.judge.replay import recordings_of, replayed_questions
from distill_fixtures.judge.same_run import why_not_of_run
from distill_fixtures.metrics.clusters import clusters_of
from distill_fixtures.metrics.guessing import guess_baseline
from distill_fixtures.metrics.recordings import pair_section
from distill_fixtures.plugin.export import Documents
from distill_fixtures.records import Undefined
from tests.judge.judged_runs import as_json
from tests.report.made_up_run import MadeUpRun, make_questions

Json = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> Documents:
    found = MadeUpRun().documents()
    return Documents(as_json(found.metrics), as_json(found.comparison))


@pytest.fixture
def comparison(made: Documents) -> Json:
    assert made.comparison is not None
    return copy.deepcopy(made.comparison)


def test_questions_stand_in_for_the_real_ones(comparison: Json) -> None:
    real, replayed = make_questions(120, 0), replayed_questions(comparison)
    assert [each.id for each in replayed] == [each.id for each in real]
    assert guess_baseline(replayed) == guess_baseline(real)
    one, other = clusters_of(replayed), clusters_of(real)
    assert one is not None
    assert other is not None
    assert np.array_equal(one, other)
    for stand_in, question in zip(replayed, real, strict=True):
        alike = [
            [a == b for a in each.choices for b in each.choices] for each in (stand_in, question)
        ]
        assert alike[0] == alike[1]
        assert stand_in.answer == question.answer


@pytest.mark.parametrize("section", ["retention", "fidelity", "efficacy", "control", "latency"])
def test_draws_come_out_again(section: str, made: Documents, comparison: Json) -> None:
    run = MadeUpRun()
    store = run.store()
    run.play(store)
    wanted = store.pair_section(section)
    found = pair_section(recordings_of(made.metrics, comparison), section)
    assert found.draws.keys() == wanted.draws.keys()
    for name, drawn in wanted.draws.items():
        assert np.array_equal(found.draws[name], drawn), name
    assert found.values == pytest.approx(wanted.values)


def test_a_comparison_of_another_run_is_told(made: Documents, comparison: Json) -> None:
    assert why_not_of_run(made.metrics, comparison) is None
    first = comparison["predictions"][0]["student"]
    first["correct"] = not first["correct"]
    assert why_not_of_run(made.metrics, comparison) == "its student answered otherwise"
    del comparison["predictions"][0]
    assert why_not_of_run(made.metrics, comparison) == "it holds 119 questions, not 120"


def test_without_answers_there_are_rounds_and_counts(made: Documents) -> None:
    found = recordings_of(made.metrics, Undefined("not there"))
    assert found.questions == ()
    assert pair_section(found, "latency").values["speedup"] == pytest.approx(
        made.metrics["distillation"]["speedup"]
    )
    assert isinstance(pair_section(found, "retention").values["accuracy_delta"], Undefined)


def put(comparison: Json, key: str, value: object) -> None:
    comparison["predictions"][3][key] = value


BROKEN: dict[str, Callable[[Json], None]] = {
    "a reference beyond the options": lambda c: put(c, "reference", 99),
    "a negative reference": lambda c: put(c, "reference", -1),
    "a text for an index": lambda c: put(c, "reference", "x"),
    "an index for a text": lambda c: put(c, "options", None),
    "a copy of a later option": lambda c: put(
        c, "options", {"same_as": [1, 1, 2], "characters": [1, 1, 1]}
    ),
    "a copy of a copy": lambda c: put(
        c, "options", {"same_as": [0, 0, 1], "characters": [1, 1, 1]}
    ),
    "unlike numbers": lambda c: put(c, "options", {"same_as": [0], "characters": []}),
    "no options": lambda c: put(c, "options", {"same_as": [], "characters": []}),
    "a pick beyond the options": lambda c: put(c, "student", {"answer": 99, "correct": True}),
    "too few scores": lambda c: put(
        c, "teacher", {"answer": 0, "correct": True, "log_likelihoods": [0.0]}
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_answers_that_do_not_fit_together(name: str, made: Documents, comparison: Json) -> None:
    BROKEN[name](comparison)
    with pytest.raises(ResultFileError, match="do not fit together"):
        recordings_of(made.metrics, comparison)
