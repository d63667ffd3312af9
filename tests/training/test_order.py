"""What can never come true is found before it is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distill_fixtures.errors import OptionError
from distill_fixtures.training.order import Flags, WaitOrder, check_order

FLAGS = Flags()


def refused(order: WaitOrder) -> OptionError:
    with pytest.raises(OptionError) as caught:
        check_order(order, FLAGS)
    error = caught.value
    assert all((error.got, error.wanted, error.next_step))
    return error


def test_folders_that_are_there_and_that_are_to_come(tmp_path: Path) -> None:
    check_order(WaitOrder(tmp_path, marker=tmp_path / "done"), FLAGS)
    check_order(WaitOrder(tmp_path / "later"), FLAGS)


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    error = refused(WaitOrder(tmp_path / "run"))
    assert FLAGS.folder in error.what
    assert "a file" in error.got


def test_a_folder_nowhere(tmp_path: Path) -> None:
    assert FLAGS.folder in refused(WaitOrder(tmp_path / "none" / "run")).what
    order = WaitOrder(tmp_path, marker=tmp_path / "none" / "done")
    assert FLAGS.marker in refused(order).what


def test_a_folder_as_marker(tmp_path: Path) -> None:
    assert FLAGS.marker in refused(WaitOrder(tmp_path, marker=tmp_path)).what


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid()], ids=["itself", "its parent"])
def test_waiting_for_oneself(pid: int, tmp_path: Path) -> None:
    error = refused(WaitOrder(tmp_path, pid=pid))
    assert FLAGS.pid in error.what
    assert str(pid) in error.got
