"""Loaded into a pytest run (``-p studies.estimate_listener``): notes its estimate, or its times.

The file is the one that ``DISTILL_ESTIMATE_NOTE`` names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.records import Undefined

NOTE_VARIABLE = "DISTILL_ESTIMATE_NOTE"
# What the store calls a measurement, and the part of an estimate that foretells it.
PARTS = {
    "model": "loading models",
    "answers": "answering questions: {}",
    "rounds": "timing, batch size {}",
    "isolated": "memory and load time: {}",
    "tokens": "comparing next tokens",
    "processes": "timing in fresh processes",
    "merged": "adapters merged, and timed",
}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    plugins = session.config.pluginmanager
    estimating = plugins.getplugin("distill_fixtures.plugin.estimating")
    suite = plugins.getplugin("distill_fixtures.plugin.suite")
    note: dict[str, Any] = {}
    if estimating is not None and estimating.estimate is not None:
        found = estimating.estimate
        note["parts"] = {part.name: _plain(part.seconds) for part in found.parts}
        note["peak_bytes"] = _plain(found.peak_bytes)
        note["seconds"] = found.seconds
        note["models"] = {
            each.role: {
                "parameters": _plain(each.parameters),
                "questions": each.questions,
                "tokens": _plain(each.tokens),
                "flops": _plain(each.flops),
                "memory_bytes": _plain(each.memory_bytes),
                "gpus": None if each.fit is None else each.fit.gpus,
                "replicas": None if each.fit is None else each.fit.replicas,
            }
            for each in found.models
        }
    elif suite is not None:
        parts: dict[str, float] = {}
        for key, seconds in suite.session.only_run.store.seconds.items():
            words = PARTS.get(str(key[0]))
            if words is not None:
                name = words.format(*key[1:])
                parts[name] = parts.get(name, 0.0) + seconds
        note["parts"] = parts
    Path(os.environ[NOTE_VARIABLE]).write_text(json.dumps(note), encoding="utf-8")


def _plain(value: Any) -> float | None:
    return None if isinstance(value, Undefined) else value
