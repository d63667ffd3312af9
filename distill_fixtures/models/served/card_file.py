"""What no server says of its model, from a file that its owner writes (``&card=FILE``)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.folders import read_json_object
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.records import ModelCard, Undefined
from distill_fixtures.tasks.input_file import nearest

__all__ = ["architecture_of_served", "card_of_served", "read_card"]

NUMBERS = (
    "disk_bytes",
    "weights_bytes",
    "adapter_bytes",
    "parameters_total",
    "parameters_trainable",
    "parameters_non_embedding",
)
# Beyond every disk; divisions of larger numbers overflow.
TOO_LARGE = 1 << 63
TEXTS = ("architecture", "dtype")
NOT_TOLD = Undefined("a server does not say it; a file can (&card=FILE in the reference)")


def card_of_served(reference: str, address: ServedAddress, given: Mapping[str, Any]) -> ModelCard:
    """The card of a served model.

    Its digest is one of the address and the name: what the server runs behind them cannot be known.

    Args:
        reference: as the user gave it.
        given: what ``read_card`` found.
    """
    identity = f"served {address.model} at {address.base_url}"
    known: dict[str, Any] = {name: given.get(name, NOT_TOLD) for name in NUMBERS}
    return ModelCard(
        reference=reference,
        digest=hashlib.sha256(identity.encode()).hexdigest(),
        architecture=architecture_of_served(given),
        dtype=given.get("dtype", NOT_TOLD),
        **known,
    )


def architecture_of_served(given: Mapping[str, Any]) -> str:
    """The model's class, where the card tells it."""
    return str(given.get("architecture", "served"))


def read_card(address: ServedAddress) -> dict[str, Any]:
    """What the file tells; nothing where none is named.

    Raises:
        ModelReferenceError: the file cannot be read, or holds what is no part of a card.
    """
    if address.card is None:
        return {}
    found = read_json_object(address.card)
    for name, value in found.items():
        if name not in (*NUMBERS, *TEXTS):
            near = nearest(name, (*NUMBERS, *TEXTS))
            raise _unusable(
                address,
                got=f"the key {name!r}",
                wanted=", ".join((*NUMBERS, *TEXTS)),
                next_step=f"did you mean {near}?" if near else "leave it out",
            )
        if name in NUMBERS and (type(value) is not int or not 0 <= value < TOO_LARGE):
            raise _unusable(
                address,
                got=f"{name}: {value!r}"[:300],
                wanted="a whole number from 0 up to 2^63",
                next_step="correct it, or leave it out where it is not known",
            )
        if name in TEXTS and not (isinstance(value, str) and value.isprintable()):
            raise _unusable(
                address,
                got=f"{name}: {value!r}"[:300],
                wanted="a text on one line",
                next_step="correct it, or leave it out where it is not known",
            )
    return found


def _unusable(
    address: ServedAddress, *, got: str, wanted: str, next_step: str
) -> ModelReferenceError:
    return ModelReferenceError(
        f"the card {address.card} of {address.place} cannot be used",
        got=got,
        wanted=wanted,
        next_step=next_step,
    )
