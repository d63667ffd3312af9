"""The hooks that every pytest run passes, each as cheap as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from distill_fixtures.plugin import hookspecs
from distill_fixtures.plugin.arguments import joined_arguments
from distill_fixtures.plugin.options import register_options

__all__ = [
    "STORE_FIXTURE",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_collection_finish",
    "pytest_configure",
    "pytest_deselected",
    "pytest_generate_tests",
    "pytest_sessionfinish",
    "pytest_testnodedown",
]

DESELECTED: pytest.StashKey[list[pytest.Item]] = pytest.StashKey()
XDIST_REFUSAL: pytest.StashKey[str] = pytest.StashKey()

STORE_FIXTURE = "distill_store"
PARAMETERS = {
    "distill_role",
    "distill_adapter_role",
    "distill_batch_size",
    "distill_criterion",
    "distill_regression",
}

MARKERS = {
    "size": "what must be shipped",
    "accuracy": "how often each model is right",
    "fidelity": "how like the teacher the student answers",
    "latency": "seconds per sample, to the first token, per token, to load",
    "throughput": "samples per second by batch size",
    "memory": "memory of each model alone in its process",
    "retention": "accuracy kept, against the labels",
    "efficiency": "accuracy for size",
    "regression": "against an earlier run",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    register_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | pytest.ExitCode | None:
    joined = joined_arguments(config.invocation_params.args)
    if joined is None:
        return None
    # This run has looked for its ini-file in the wrong place; it has not begun yet.
    return pytest.main(joined, plugins=config.invocation_params.plugins)


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: distill-bench: {meaning}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if STORE_FIXTURE in metafunc.fixturenames or PARAMETERS.intersection(metafunc.fixturenames):
        from distill_fixtures.plugin.parametrize import parametrize

        parametrize(metafunc)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if uses_suite(item):
            item.config.stash.setdefault(DESELECTED, []).append(item)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    config = session.config
    items = [item for item in session.items if uses_suite(item)]
    if not items or _only_looks(config):
        return
    from distill_fixtures.errors import UsageError
    from distill_fixtures.plugin.session import Session
    from distill_fixtures.plugin.suite import XDIST_MESSAGE, Suite

    if hasattr(config, "workerinput"):
        # A usage error inside a worker would look like its crash: leave our tests out there and
        # let the controlling process say why.
        session.items[:] = [item for item in session.items if not uses_suite(item)]
        worker_output: dict[str, str] = getattr(config, "workeroutput")  # noqa: B009
        worker_output["distill_refusal"] = XDIST_MESSAGE
        return
    try:
        deselected = config.stash.get(DESELECTED, [])
        prepared = Session.prepare(config, items, deselected=deselected)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if prepared.only_estimates:
        from distill_fixtures.plugin.estimating import Estimating

        config.pluginmanager.register(Estimating(config, prepared), Estimating.NAME)
    else:
        config.pluginmanager.register(Suite(prepared), Suite.NAME)
    prepared.put_in_order(session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    refusal = getattr(node, "workeroutput", {}).get("distill_refusal")
    if refusal:
        node.config.stash[XDIST_REFUSAL] = refusal


def pytest_sessionfinish(session: pytest.Session) -> None:
    refusal = session.config.stash.get(XDIST_REFUSAL, None)
    if refusal is not None:
        pytest.exit(refusal, returncode=pytest.ExitCode.USAGE_ERROR)


def _only_looks(config: pytest.Config) -> bool:
    """Whether no test will run: nothing is checked then, and nothing written."""
    looks = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan", "setuponly")
    return any(getattr(config.option, name, False) for name in looks)


def uses_suite(item: pytest.Item) -> bool:
    """Whether a test asks for anything of ours, directly or through other fixtures."""
    return STORE_FIXTURE in getattr(item, "fixturenames", ())
