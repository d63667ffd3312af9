"""Real Ray on this machine: the same figures as alone, whoever is killed meanwhile."""

from __future__ import annotations

import importlib.util
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from distill_fixtures.errors import MeasurementError, ModelReferenceError, NotFiniteScoreError
from distill_fixtures.measure.processes.bare_model import ModelToLoad, find_model
from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.loading import load_model
from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings, Scored
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.scale.executor import RayExecutor
from distill_fixtures.scale.head_address import refuse_what_is_no_ray
from distill_fixtures.scale.pool import ReplicaPool
from distill_fixtures.scale.ray_cluster import RayCluster, RayReplicas, RaySettings
from distill_fixtures.scale.replica import Answered, Failed, Passes, Replica, order_of
from tests.fakes import make_card
from tests.plugin.workspace import ROOT
from tests.scale.demo_requests import demo_requests
from tests.tiny_models import make_llama, make_tokenizer, save
from tests.torch_threads import threads

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
    # Ray's own: sockets and files that it leaves to the interpreter's end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MODEL = "demo:student"
REPLICAS = 2
SETTINGS = RaySettings(workers=REPLICAS, start_timeout_s=120.0)


@pytest.fixture(scope="module")
def executor() -> Iterator[RayExecutor]:
    made = RayExecutor(SETTINGS)
    made._cluster.open()
    if made._cluster.room() < REPLICAS:
        made.close()
        pytest.skip(f"this machine has no {REPLICAS} processors")
    yield made
    made.close()


def pool_of(executor: RayExecutor, reference: str = MODEL) -> ReplicaPool:
    plan = resolve_reference(reference)
    order = order_of(ModelToLoad(reference), plan, "cpu", "float32", 1)
    return executor.pool(plan, card_of_plan(plan), order)


def pool_of_kind(executor: RayExecutor, kind: type[Replica]) -> ReplicaPool:
    order = order_of(ModelToLoad(MODEL), find_model(ModelToLoad(MODEL)), "cpu", "float32", 1)
    replicas = RayReplicas(executor._cluster, order, kind=kind)
    return ReplicaPool(make_card(MODEL), replicas, REPLICAS, start_timeout_s=120.0)


@pytest.fixture
def pool(executor: RayExecutor) -> Iterator[ReplicaPool]:
    made = pool_of(executor)
    yield made
    made.close()


@pytest.fixture(scope="module")
def wanted() -> dict[int, Scored]:
    with threads(1):
        return dict(enumerate(load_model(resolve_reference(MODEL)).score_many(demo_requests(700))))


def replica_processes() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if any("Replica" in word for word in each.cmdline()[:1])
    ]


def test_the_same_figures_to_the_bit(pool: ReplicaPool, wanted: dict[int, Scored]) -> None:
    found: dict[int, Scored] = {}
    for results in pool.score_in_passes(demo_requests(700)):
        found.update(results)
    assert found == wanted
    assert pool.scoring_method == "packed"


def test_texts(pool: ReplicaPool) -> None:
    requests = [GenerateRequest(each.key, each.context) for each in demo_requests(20)]
    settings = GenerateSettings(5)
    with threads(1):
        model = load_model(resolve_reference(MODEL))
        alone = [
            each for part in model.generate_in_passes(requests, settings) for each in part.items()
        ]
    found = [each for part in pool.generate_in_passes(requests, settings) for each in part.items()]
    assert sorted(found, key=lambda each: each[0]) == sorted(alone, key=lambda each: each[0])


def test_killed_at_random_moments(pool: ReplicaPool, wanted: dict[int, Scored]) -> None:
    chance = random.Random(0)
    requests = demo_requests(700)
    for _ in range(5):
        found: dict[int, Scored] = {}
        moment, killed = chance.randrange(len(requests) // 2), False
        for results in pool.score_in_passes(requests):
            assert not found.keys() & results.keys()
            found.update(results)
            if len(found) > moment and not killed:
                os.kill(chance.choice(replica_processes()).pid, signal.SIGKILL)
                killed = True
        assert killed
        assert found == wanted


class DeadlyReplica(Replica):
    """Dies over one question, as a segmentation fault would end it."""

    def answer(self, passes: Passes, settings: Any) -> Answered | Failed:
        if any(request.key == DEADLY for requests in passes for request in requests):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().answer(passes, settings)


DEADLY = demo_requests(30)[17].key


def test_a_deadly_question_is_named(executor: RayExecutor) -> None:
    pool = pool_of_kind(executor, DeadlyReplica)
    with pytest.raises(MeasurementError, match="died over the same questions") as caught:
        list(pool.score_in_passes(demo_requests(60)))
    assert DEADLY in caught.value.got


def test_errors_come_back_as_they_are(executor: RayExecutor, tmp_path: Path) -> None:
    import torch

    module = make_llama()
    with torch.no_grad():
        module.get_input_embeddings().weight.fill_(float("nan"))
    folder = str(save(module, tmp_path / "broken", make_tokenizer()))
    requests = demo_requests(3)
    with pytest.raises(NotFiniteScoreError) as alone:
        load_model(resolve_reference(folder)).score_many(requests)
    pool = pool_of(executor, folder)
    with pytest.raises(NotFiniteScoreError) as found:
        list(pool.score_in_passes(requests))
    assert str(found.value) == str(alone.value)


class BrokenReplica(Replica):
    """Fails in a way that this package does not foresee."""

    def answer(self, passes: Passes, settings: GenerateSettings | None) -> Answered | Failed:
        raise ZeroDivisionError("oh\nno")


def test_what_nobody_foresaw_is_told_and_remembered_as_an_error(executor: RayExecutor) -> None:
    pool = pool_of_kind(executor, BrokenReplica)
    with pytest.raises(MeasurementError) as caught:
        list(pool.score_in_passes(demo_requests(3)))
    assert caught.value.what == f"a replica of {MODEL} failed"
    assert caught.value.got == "ZeroDivisionError: oh; no"


def test_a_real_head_is_not_refused(executor: RayExecutor) -> None:
    import ray

    refuse_what_is_no_ray(ray.get_runtime_context().gcs_address)


def test_a_model_that_cannot_be_loaded(executor: RayExecutor, tmp_path: Path) -> None:
    folder = save(make_llama(), tmp_path / "model", make_tokenizer())
    pool = pool_of(executor, str(folder))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelReferenceError):
        list(pool.score_in_passes(demo_requests(3)))


def test_more_than_this_machine_has(executor: RayExecutor) -> None:
    greedy = RayExecutor(RaySettings(workers=1000))
    greedy._cluster = executor._cluster
    with pytest.raises(MeasurementError) as caught:
        pool_of(greedy)
    assert "of 1000 replicas" in caught.value.what
    assert "CPUs" in caught.value.got
    assert "on 1 machine" in caught.value.got


def test_too_few_workers_in_time(executor: RayExecutor) -> None:
    order = order_of(ModelToLoad(MODEL), resolve_reference(MODEL), "cpu", "float32", 1)
    greedy = RayCluster(RaySettings(cpus=max(1, os.cpu_count() or 1)))
    pool = ReplicaPool(make_card(MODEL), RayReplicas(greedy, order), REPLICAS, start_timeout_s=15.0)
    with pytest.raises(MeasurementError) as caught:
        list(pool.score_in_passes(demo_requests(3)))
    assert f"of {REPLICAS} workers for {MODEL} came up within 15 s" in caught.value.what
    assert "CPUs" in caught.value.wanted


def command_line(process: psutil.Process) -> str:
    """Empty where the process has ended: Ray collects its own in its own time."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def test_ray_tells_nobody_of_its_use(executor: RayExecutor) -> None:
    children = psutil.Process().children(recursive=True)
    lines = [command_line(each) for each in children]
    # What is left of it: the module that would report, with nothing to look at.
    assert all("--disable-frontend" in line for line in lines if "dashboard.py" in line)
    servers = [each for each, line in zip(children, lines, strict=True) if "gcs_server" in line]
    assert servers
    for each in servers:
        assert each.environ()["RAY_USAGE_STATS_ENABLED"] == "0"


IN_A_CLUSTER = """
import sys, time
from distill_fixtures.scale.ray_cluster import RayCluster, RaySettings

cluster = RayCluster(RaySettings())
cluster.open()
try:
    print("joined", flush=True)
    time.sleep(120)
except KeyboardInterrupt:  # as pytest takes it, which then closes all
    cluster.close()
    sys.exit(2)
"""


def test_sigterm_ends_the_run_and_the_cluster() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_CLUSTER],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"joined\n"
        started = psutil.Process(run.pid).children(recursive=True)
        assert started
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 2
        _, left = psutil.wait_procs(started, timeout=30)
        assert not left


def test_no_cluster_at_the_address() -> None:
    import ray

    if ray.is_initialized():
        ray.shutdown()
    with pytest.raises(MeasurementError) as caught:
        RayCluster(RaySettings(address="127.0.0.1:1")).open()
    assert caught.value.what == "there is no Ray cluster at 127.0.0.1:1"
    assert "refused" in caught.value.got, "found out at once, not by Ray's own patience"
