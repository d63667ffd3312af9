"""What merging an adapter would bring, in the closing words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill_fixtures.catalog import format_value

__all__ = ["merged_cells", "merged_notes"]

LABEL = "Time, adapter merged"
ROLES = ("teacher", "student")


def merged_cells(document: Mapping[str, Any]) -> list[str] | None:
    """A label and each model's time per sample once merged; None where neither was merged."""
    found = [document[role]["benchmark"]["merged"] for role in ROLES]
    if not any(found):
        return None
    times = [
        "" if each is None else format_value("inference_time_s", each["inference_time_s"])
        for each in found
    ]
    return [LABEL, *times]


def merged_notes(document: Mapping[str, Any]) -> list[str]:
    """A sentence for each model that is an adapter."""
    notes = []
    for role in ROLES:
        merged = document[role]["benchmark"]["merged"]
        if merged is None:
            continue
        speedup = format_value("speedup", merged["speedup"])
        words = f"merging the {role}'s adapter: {speedup} as fast"
        if merged["speedup_ci95"] is not None:
            low, high = (format_value("speedup", bound) for bound in merged["speedup_ci95"])
            words += f" (95 % interval {low} to {high})"
        notes.append(words)
    return notes
