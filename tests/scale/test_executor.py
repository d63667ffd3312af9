"""How many replicas there are, told from a cluster that is only described."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from distill_fixtures.errors import MeasurementError, ModelReferenceError
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.scores.score_source import BLOCK_QUESTIONS
from distill_fixtures.models.memory_needs import MemoryNeed, memory_need
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.scale import executor as executor_module
from distill_fixtures.scale.executor import RayExecutor
from distill_fixtures.scale.ray_cluster import RayCluster, RaySettings
from distill_fixtures.scale.replica import order_of
from tests.fakes import make_card

STUDENT = resolve_reference("demo:student")
ORDER = order_of(ModelToLoad("demo:student"), STUDENT, "cpu", "float32", 1)
NODE = {"node:__internal_head__": 1.0, "node:10.0.0.1": 1.0}


def replicas(
    monkeypatch: pytest.MonkeyPatch,
    settings: RaySettings,
    has: Mapping[str, float],
    free_bytes: int | None = 10**12,
) -> int:
    monkeypatch.setattr(RayCluster, "open", lambda self: None)
    monkeypatch.setattr(RayCluster, "resources", lambda self: {**NODE, **has})
    monkeypatch.setattr(executor_module, "free_memory", lambda device: free_bytes)
    pool = RayExecutor(settings).pool(STUDENT, make_card(), ORDER)
    return pool._replicas


@pytest.mark.parametrize(
    ("settings", "has", "wanted"),
    [
        (RaySettings(), {"CPU": 6}, 6),
        (RaySettings(cpus=4), {"CPU": 6}, 1),
        (RaySettings(workers=2), {"CPU": 6}, 2),
        (RaySettings(gpus=1), {"CPU": 64, "GPU": 8}, 8),
        (RaySettings(gpus=0.5), {"CPU": 64, "GPU": 3}, 6),
        # Of a GPU two replicas leave a fifth that is no use to a third.
        (RaySettings(gpus=0.4), {"CPU": 64, "GPU": 3}, 6),
        (RaySettings(gpus=4), {"CPU": 64, "GPU": 7}, 1),
        (RaySettings(gpus=1, cpus=16), {"CPU": 64, "GPU": 8}, 4),
        # A cluster elsewhere may still grow.
        (RaySettings(address="a:1", workers=9), {"CPU": 2}, 9),
        (RaySettings(address="a:1", gpus=1), {"CPU": 2}, 1),
    ],
)
def test_how_many(
    settings: RaySettings,
    has: dict[str, float],
    wanted: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert replicas(monkeypatch, settings, has) == wanted


def test_this_machine_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MeasurementError) as caught:
        replicas(monkeypatch, RaySettings(workers=3), {"CPU": 2, "memory": 8e9})
    assert caught.value.what == "this machine has room for 2 of 3 replicas"
    assert caught.value.got == "a cluster with 2 CPUs, 0 GPUs, 8.0 GB of memory on 1 machine"
    assert caught.value.wanted == "3 with 1 CPU each"
    with pytest.raises(MeasurementError, match="room for 0 of 1 replicas") as caught:
        replicas(monkeypatch, RaySettings(gpus=0.5), {"CPU": 2})
    assert caught.value.wanted == "1 with 1 CPU and 0.5 GPUs each"


def test_weights_must_fit_into_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    need = memory_need(STUDENT, "float32")
    assert isinstance(need, MemoryNeed)
    room = int(2.5 * need.size_bytes)
    has = {"CPU": 8.0}
    assert replicas(monkeypatch, RaySettings(), has, free_bytes=room) == 2
    assert replicas(monkeypatch, RaySettings(), has, free_bytes=None) == 8
    assert replicas(monkeypatch, RaySettings(address="a:1"), has, free_bytes=room) == 8
    with pytest.raises(ModelReferenceError) as caught:
        replicas(monkeypatch, RaySettings(workers=3), has, free_bytes=room)
    assert "3 replicas of demo:student do not fit" in caught.value.what
    assert "--distill-ray-workers 2" in caught.value.next_step
    for settings in (RaySettings(), RaySettings(workers=1)):
        with pytest.raises(ModelReferenceError) as caught:
            replicas(monkeypatch, settings, has, free_bytes=need.size_bytes // 2)
        assert "one replica of demo:student does not fit" in caught.value.what
        assert "--distill-ray-workers" not in caught.value.next_step


def test_questions_for_all_replicas() -> None:
    assert RayExecutor(RaySettings(workers=3)).questions_at_once == 3 * BLOCK_QUESTIONS
