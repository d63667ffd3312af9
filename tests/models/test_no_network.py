"""A model in a folder is loaded without a word to any network."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from distill_fixtures.models.loading import load_model
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.references import resolve_reference
from tests.tiny_models import save_adapter, save_llama

REQUEST = ScoreRequest("q", "the quick brown", (" fox", " dog"))


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was tried to be reached; every try fails."""
    found: list[object] = []

    def refuse(*where: object, **_: object) -> NoReturn:
        found.append(where)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return found


def full(folder: Path) -> Path:
    return save_llama(folder / "full")


def adapter(folder: Path) -> Path:
    return save_adapter(folder / "adapter", full(folder))


@pytest.mark.parametrize("make", [full, adapter, lambda folder: "demo:student"])
def test_nothing_is_reached(
    make: Callable[[Path], Path | str], tmp_path: Path, attempts: list[object]
) -> None:
    model = load_model(resolve_reference(str(make(tmp_path))))
    model.score_many([REQUEST])
    model.close()
    assert attempts == []


def test_the_guard_would_notice(attempts: list[object]) -> None:
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("127.0.0.1", 9))
    assert attempts
