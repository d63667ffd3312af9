"""The switch --distill-cloze-pmi, from the command line to both files."""

from __future__ import annotations

from statistics import fmean

import pytest

from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace

USAGE_ERROR = 4


@pytest.mark.parametrize("scoring", ["letter", "generate"])
def test_other_scorings_refuse_it(scoring: str, workspace: Workspace, tiny: Tiny) -> None:
    options = tiny.options(distill_scoring=scoring)
    outcome = workspace.quick(*options, "--distill-cloze-pmi", "-m", "size")
    assert outcome.returncode == USAGE_ERROR, outcome.output
    for word in ("--distill-cloze-pmi", scoring, "--distill-scoring cloze", "next: "):
        assert word in outcome.output


def test_its_picks_stand_in_both_files(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(), "--distill-cloze-pmi", "-m", "accuracy")
    assert outcome.returncode in (0, 1), outcome.output
    document = workspace.document()
    assert document["run"]["options"]["--distill-cloze-pmi"] is True
    predictions = workspace.read_json("metrics/comparison_results.json")["predictions"]
    for role in ("teacher", "student"):
        right = []
        for prediction in predictions:
            answer = prediction[role]
            raised = answer["log_likelihoods_pmi"]
            assert answer["answer_pmi"] == raised.index(max(raised))
            right.append(answer["correct_pmi"])
        assert document[role]["accuracy"]["accuracy_pmi"] == pytest.approx(fmean(right))
    raised = [p["teacher"]["log_likelihoods_pmi"] for p in predictions]
    assert raised != [p["teacher"]["log_likelihoods"] for p in predictions]
