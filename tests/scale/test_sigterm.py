"""SIGTERM while this process is in a cluster, and after it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from distill_fixtures.scale.sigterm import Sigterm


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def exits(number: int, frame: Any) -> None:
    """As Ray's handler."""
    raise SystemExit(number)


def join() -> None:
    signal.signal(signal.SIGTERM, exits)


def test_it_interrupts_while_in_the_cluster() -> None:
    sigterm = Sigterm()
    sigterm.take_over(join)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
    sigterm.give_back()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_handler_of_the_users_stays() -> None:
    caught = []
    signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
    sigterm = Sigterm()
    sigterm.take_over(join)
    os.kill(os.getpid(), signal.SIGTERM)
    sigterm.give_back()
    os.kill(os.getpid(), signal.SIGTERM)
    assert caught == [signal.SIGTERM] * 2


def test_it_interrupts_while_the_cluster_is_joined() -> None:
    def joins_for_long() -> None:
        join()
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        Sigterm().take_over(joins_for_long)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_cluster_that_is_not_there_changes_nothing() -> None:
    def fail() -> None:
        join()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Sigterm().take_over(fail)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
