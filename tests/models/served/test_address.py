"""Reading the address of a served model."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.served.address import ServedAddress, parse_address


def test_the_usual_shape() -> None:
    found = parse_address("openai+http://127.0.0.1:8000/v1?model=org/name")
    assert found == ServedAddress("http://127.0.0.1:8000/v1", "org/name")
    assert found.place == "org/name at http://127.0.0.1:8000/v1"


def test_every_parameter(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    found = parse_address(
        f"OpenAI+HTTPS://host/api/v1/?model=a%20b&card={card}&requests=3&timeout_s=1.5"
        "&begin=<|start|>&listed=no"
    )
    assert found == ServedAddress("https://host/api/v1", "a b", card, 3, 1.5, "<|start|>", False)


def test_no_path_is_v1() -> None:
    assert parse_address("openai+http://host:1?model=m").base_url == "http://host:1/v1"


@pytest.mark.parametrize(
    ("reference", "got"),
    [
        ("openai+http://?model=m", "no host"),
        ("openai+http://host/v1", "no model=NAME"),
        ("openai+http://host/v1?model=", "no model=NAME"),
        ("openai+http://host:99999/v1?model=m", "ort"),
        ("openai+http://host:x/v1?model=m", "ort"),
        ("openai+http://host:0/v1?model=m", "port 0"),
        ("openai+http://host/v1?model=m#part", "after #"),
        ("openai+http://host/v1?model=m&model=n", "given twice"),
        ("openai+http://host/v1?model=m&requests=0", "requests=0"),
        ("openai+http://host/v1?model=m&requests=two", "requests=two"),
        ("openai+http://host/v1?model=m&requests=" + "9" * 5000, "requests=999"),
        ("openai+http://host/v1?model=m&timeout_s=0", "timeout_s=0"),
        ("openai+http://host/v1?model=m&timeout_s=inf", "timeout_s=inf"),
        ("openai+http://host/v1?model=m&timeout_s=nan", "timeout_s=nan"),
        ("openai+http://host/v1?model=m&timout_s=3", "'timout_s'"),
        ("openai+http://host/v1?model=m&listed=false", "listed=false"),
    ],
)
def test_what_is_no_address(reference: str, got: str) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        parse_address(reference)
    assert got in caught.value.got
    assert caught.value.next_step


@pytest.mark.parametrize(
    "reference",
    [
        "openai+http://me:SECRET@host/v1?model=m",
        "openai+http://SECRET@host/v1?model=m",
        "openai+http://host/v1?model=m&key=SECRET",
        "openai+http://host/v1?api_key=SECRET&model=m",
    ],
)
def test_a_secret_is_refused_and_not_repeated(reference: str) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        parse_address(reference)
    assert "SECRET" not in str(caught.value)
    assert "OPENAI_API_KEY" in caught.value.next_step
