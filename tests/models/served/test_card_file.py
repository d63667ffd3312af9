"""What a file says of a served model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.card_file import card_of_served, read_card
from distill_fixtures.records import ModelCard, Undefined

BASE = "http://host/v1"


def card_of(reference: str, address: ServedAddress) -> ModelCard:
    return card_of_served(reference, address, read_card(address))


def test_without_a_file_nothing_is_known() -> None:
    card = card_of("reference", ServedAddress(BASE, "m"))
    assert card.reference == "reference"
    for value in (card.disk_bytes, card.parameters_total, card.dtype):
        assert isinstance(value, Undefined)
        assert "&card=FILE" in value.reason


def test_the_digest_is_the_address_s() -> None:
    one, same, other = (
        card_of(reference, ServedAddress(BASE, model)).digest
        for reference, model in (("a", "m"), ("b", "m"), ("a", "n"))
    )
    assert one == same != other


def test_a_file_tells(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"disk_bytes": 7, "parameters_total": 3, "architecture": "Llama"}))
    card = card_of("r", ServedAddress(BASE, "m", path))
    assert (card.disk_bytes, card.parameters_total, card.architecture) == (7, 3, "Llama")
    assert isinstance(card.weights_bytes, Undefined)


@pytest.mark.parametrize(
    ("content", "got"),
    [
        ({"disk_byte": 1}, "'disk_byte'"),
        ({"disk_bytes": -1}, "-1"),
        ({"disk_bytes": 1.5}, "1.5"),
        ({"disk_bytes": True}, "True"),
        ({"disk_bytes": 10**400}, "disk_bytes"),
        ({"architecture": 3}, "architecture: 3"),
        ({"architecture": "\ud800"}, "architecture"),
        ({"dtype": "a\nb"}, "dtype"),
        ([1], "list"),
    ],
)
def test_what_is_no_card(tmp_path: Path, content: Any, got: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ModelReferenceError) as caught:
        card_of("r", ServedAddress(BASE, "m", path))
    assert got in caught.value.got
    assert str(path) in caught.value.what


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelReferenceError):
        card_of("r", ServedAddress(BASE, "m", tmp_path / "no.json"))
