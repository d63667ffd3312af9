"""Result files of the schema version before this one, with the keys that this one added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from distill_fixtures.report.document import SCHEMA_VERSION

__all__ = ["EARLIER_VERSION", "in_this_version"]

EARLIER_VERSION: Final = 4
ADDED_TO_THE_PAIR: Final = ("accuracy_loss_by_subdomain", "accuracy_loss_by_question_type")
NOT_THERE: Final = f"a file of schema_version {EARLIER_VERSION} does not have it"


def in_this_version(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A file's content as one of this version; whatever is wrong in it stays so.

    Keys that ``EARLIER_VERSION`` did not have are null, with that as the reason. A file of another
    version comes back as it is.

    >>> found = in_this_version({"schema_version": 4, "distillation": {}, "reasons": {}})
    >>> found["schema_version"], found["distillation"]["accuracy_loss_by_subdomain"]
    (5, None)
    >>> found["reasons"]["distillation.accuracy_loss_by_subdomain"]
    'a file of schema_version 4 does not have it'
    """
    if document.get("schema_version") != EARLIER_VERSION:
        return document
    now = {**document, "schema_version": SCHEMA_VERSION}
    pair, reasons = document.get("distillation"), document.get("reasons")
    if isinstance(pair, Mapping) and isinstance(reasons, Mapping):
        missing = [name for name in ADDED_TO_THE_PAIR if name not in pair]
        now["distillation"] = {**pair, **dict.fromkeys(missing)}
        now["reasons"] = {**reasons, **{f"distillation.{name}": NOT_THERE for name in missing}}
    return now
