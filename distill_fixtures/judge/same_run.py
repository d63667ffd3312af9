"""Whether the answers that lie beside a document are those of its run.

Apart from ``replay``, so that a page is drawn without the arithmetic of all metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill_fixtures.metrics.pairing import flags_to_text
from distill_fixtures.records import Role, Undefined

__all__ = ["NO_ANSWERS", "PAIR", "why_not_of_run"]

NO_ANSWERS = Undefined("comparison_results.json does not lie beside the file")
PAIR: tuple[Role, ...] = ("teacher", "student")


def why_not_of_run(document: Mapping[str, Any], comparison: Mapping[str, Any]) -> str | None:
    """Why a ``comparison_results.json`` is not of the run of a document; None where it is.

    Args:
        document: a valid ``distillation_metrics.json``.
        comparison: a valid ``comparison_results.json``.
    """
    predictions = comparison["predictions"]
    if len(predictions) != document["dataset"]["questions"]:
        return f"it holds {len(predictions)} questions, not {document['dataset']['questions']}"
    for role in PAIR:
        told = document[role]["accuracy"]["correct_by_question"]
        if told != flags_to_text([each[role]["correct"] for each in predictions]):
            return f"its {role} answered otherwise"
    return None
