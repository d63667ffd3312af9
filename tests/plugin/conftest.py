"""Runs that several tests look at, each made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.plugin.built_wheel import build_wheel
from tests.plugin.tiny_inputs import Tiny, make_tiny
from tests.plugin.whole_runs import WholeRun, make_whole_run
from tests.plugin.workspace import QuickStarter, Workspace


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def quick_starter() -> Iterator[QuickStarter]:
    starter = QuickStarter()
    yield starter
    starter.close()


@pytest.fixture(scope="session")
def heavy_starter() -> Iterator[QuickStarter]:
    starter = QuickStarter(heavy=True)
    yield starter
    starter.close()


@pytest.fixture
def workspace(tmp_path: Path, quick_starter: QuickStarter) -> Workspace:
    """A clone with the suite."""
    return Workspace(tmp_path / "clone", quick_starter)


@pytest.fixture
def foreign(tmp_path: Path, quick_starter: QuickStarter) -> Workspace:
    """Somebody else's repository, in whose environment the package is installed."""
    return Workspace(tmp_path / "foreign", quick_starter, suite=False)


@pytest.fixture(scope="session")
def whole_runs(
    tmp_path_factory: pytest.TempPathFactory, quick_starter: QuickStarter, tiny: Tiny
) -> Callable[[str], WholeRun]:
    """The whole suite, run twice in one folder: ``forward`` and ``reversed``."""
    workspace = Workspace(tmp_path_factory.mktemp("whole") / "clone", quick_starter)
    made: dict[str, WholeRun] = {}

    def run(order: str) -> WholeRun:
        if order not in made:
            made[order] = make_whole_run(workspace, tiny, order)
        return made[order]

    return run


@pytest.fixture(scope="session")
def forward(whole_runs: Callable[[str], WholeRun]) -> WholeRun:
    return whole_runs("forward")


@pytest.fixture(scope="session")
def backward(forward: WholeRun, whole_runs: Callable[[str], WholeRun]) -> WholeRun:
    return whole_runs("reversed")
