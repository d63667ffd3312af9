"""The options of the executor, and a session whose questions replicas answer."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from distill_fixtures.config import RunConfig, build_config
from distill_fixtures.errors import ModelReferenceError, OptionError
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.plugin import executing, measuring, opening, preparation, shared
from distill_fixtures.plugin.caches import Caches
from distill_fixtures.plugin.executing import (
    check_executor,
    executor_of,
    note_of_executor,
    ray_settings,
    refuse_idle_pool,
    scoring_placement,
)
from distill_fixtures.plugin.preparation import prepare_inputs
from distill_fixtures.plugin.progress import ProgressDisplay
from distill_fixtures.plugin.shared import SharedByStudents
from distill_fixtures.plugin.store import SessionStore
from distill_fixtures.plugin.waiting import AWAITED
from distill_fixtures.records import ModelCard
from distill_fixtures.scale.executor import RayExecutor
from distill_fixtures.scale.pool import ReplicaPool
from distill_fixtures.scale.ray_cluster import RaySettings
from distill_fixtures.scale.replica import ReplicaOrder
from tests.plugin.tiny_inputs import QUESTIONS, Tiny
from tests.plugin.workspace import Workspace
from tests.scale.fake_cluster import FakeCluster

HERE = Path(__file__).resolve().parent
USAGE_ERROR = 4


def config_of(**texts: str) -> RunConfig:
    return build_config({name: (text, HERE) for name, text in texts.items()})


@pytest.fixture
def with_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "refuse_without_ray", lambda: None)


def test_defaults() -> None:
    config = config_of(executor="ray")
    assert ray_settings(config) == RaySettings(None, None, 0.0, 1, 300.0)
    assert isinstance(executor_of(config), RayExecutor)
    assert executor_of(config_of()) is None


def test_what_is_given() -> None:
    config = config_of(
        executor="ray",
        ray_address="10.0.0.1:6379",
        ray_workers="3",
        ray_gpus="0.5",
        ray_cpus="4",
        ray_timeout="20",
    )
    assert ray_settings(config) == RaySettings("10.0.0.1:6379", 3, 0.5, 4, 20.0)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "nan", "inf", "2000", ""])
def test_odd_numbers_of_gpus(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        config_of(ray_gpus=text)
    assert "--distill-ray-gpus-per-replica" in caught.value.what
    assert repr(text) in caught.value.got


@pytest.mark.parametrize("text", ["0", "0.25", "1", "8"])
def test_numbers_of_gpus(text: str) -> None:
    assert config_of(ray_gpus=text).ray_gpus == float(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ray_address", "auto"),
        ("ray_workers", "2"),
        ("ray_gpus", "1"),
        ("ray_cpus", "2"),
        ("ray_timeout", "9"),
    ],
)
def test_options_about_ray_need_it(name: str, text: str) -> None:
    with pytest.raises(OptionError, match="has no effect in this run") as caught:
        check_executor(config_of(**{name: text}))
    assert "--distill-executor ray" in caught.value.wanted


def test_without_ray_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ray" else find(name)
    )
    check_executor(config_of())
    with pytest.raises(OptionError) as caught:
        check_executor(config_of(executor="ray"))
    assert caught.value.what == "--distill-executor ray cannot be used here"
    assert '"distill-bench[ray]"' in caught.value.next_step


@pytest.mark.usefixtures("with_ray")
@pytest.mark.parametrize(
    ("device", "gpus", "right"),
    [
        ("auto", "0", True),
        ("auto", "1", True),
        ("cpu", "0", True),
        ("cuda", "0.5", True),
        ("cpu", "1", False),
        ("cuda", "0", False),
        ("mps", "0", False),
    ],
)
def test_the_device_is_that_of_the_replicas(device: str, gpus: str, right: bool) -> None:
    config = config_of(executor="ray", device=device, ray_gpus=gpus)
    if right:
        check_executor(config)
        wanted = ("cpu", "float32") if gpus == "0" else ("cuda:0", "auto")
        assert scoring_placement(config) == wanted
    else:
        with pytest.raises(OptionError, match="another device than that of the replicas"):
            check_executor(config)


def test_models_behind_servers_alone_need_no_pool() -> None:
    config = config_of(executor="ray")
    served = ModelPlan("s", "served", Path(), served=cast(Any, object()))
    full = resolve_reference("demo:student")
    refuse_idle_pool(config, {"teacher": served, "student": full})
    refuse_idle_pool(config_of(), {"teacher": served, "student": served})
    with pytest.raises(OptionError, match="has no effect"):
        refuse_idle_pool(config, {"teacher": served, "student": served})


def test_the_note_says_what_is_not_measured_there() -> None:
    assert note_of_executor(config_of()) == ()
    (note,) = note_of_executor(config_of(executor="ray"))
    assert "never measured on them" in note
    assert "CPUs of this machine" in note
    (note,) = note_of_executor(config_of(executor="ray", ray_address="a:1", ray_gpus="1"))
    assert "GPUs of the Ray cluster at a:1" in note


def test_a_bad_combination_ends_the_run_at_once(workspace: Workspace, tiny: Tiny) -> None:
    outcome = workspace.quick(*tiny.options(distill_ray_workers=2), "-m", "accuracy")
    assert outcome.returncode == USAGE_ERROR
    assert "--distill-ray-workers has no effect in this run" in outcome.output
    assert not outcome.loaded_heavy


@dataclass
class FakeExecutor:
    """Pools on a fake cluster."""

    cluster: FakeCluster
    settings: RaySettings = field(default_factory=RaySettings)
    questions_at_once: int = 1024
    orders: list[ReplicaOrder] = field(default_factory=list)
    left: int = 0

    def pool(self, plan: ModelPlan, card: ModelCard, order: ReplicaOrder) -> ReplicaPool:
        self.orders.append(order)
        return ReplicaPool(card, self.cluster, 2, start_timeout_s=9, clock=self.cluster.clock)

    def close(self) -> None:
        self.left += 1


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch, with_ray: None) -> FakeExecutor:
    made = FakeExecutor(FakeCluster())
    for module in (measuring, shared):
        monkeypatch.setattr(module, "executor_of", lambda config: made)
    return made


def pooled_config(tiny: Tiny, cache: Path) -> RunConfig:
    return config_of(
        teacher=str(tiny.teacher),
        student=str(tiny.student),
        data_path=str(tiny.questions),
        metrics_dir=str(cache.parent / "metrics"),
        score_cache=str(cache),
        executor="ray",
    )


def quiet_progress() -> ProgressDisplay:
    quiet = cast(Any, ProgressDisplay.__new__(ProgressDisplay))
    quiet.is_shown = False
    return cast(ProgressDisplay, quiet)


def session_of(tiny: Tiny, cache: Path) -> SessionStore:
    config = pooled_config(tiny, cache)
    inputs = prepare_inputs(config, HERE)
    progress = quiet_progress()
    caches = Caches.open(inputs.cache_folder, rehash=False)
    return SessionStore(config, inputs, isolate_first=False, progress=progress, caches=caches)


def test_a_session_with_replicas(tiny: Tiny, tmp_path: Path, executor: FakeExecutor) -> None:
    store = session_of(tiny, tmp_path / "cache")
    assert len(store.answers("teacher")) == QUESTIONS
    assert not store.loaded
    assert store.placement == ("cpu", "float32")
    assert store.scoring_report("teacher").questions_scored == QUESTIONS
    assert store.scoring_report("teacher").method == "fake"
    (order,) = executor.orders
    assert order.model.location == str(tiny.teacher)
    assert (order.device, order.dtype, order.threads) == ("cpu", "float32", 1)
    assert [mark.name for mark in order.files if mark.name.endswith("safetensors")]
    assert not executor.cluster.workers  # they end with the model's answers
    store.close()
    again = session_of(tiny, tmp_path / "cache")
    assert again.scoring_report("teacher").questions_from_cache == QUESTIONS
    assert len(executor.orders) == 1
    again.close()


def test_the_cluster_is_left_before_a_model_is_loaded_here(
    tiny: Tiny, tmp_path: Path, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = session_of(tiny, tmp_path / "cache")
    store.answers("student")
    assert executor.left == 0
    monkeypatch.setattr(opening, "free_memory", lambda device: 1)
    with pytest.raises(ModelReferenceError, match="do not fit into the memory of cpu"):
        store.model("student")
    assert executor.left == 1
    store.close()
    assert executor.left == 2


def test_several_students_have_one_executor(
    tiny: Tiny,
    tmp_path: Path,
    executor: FakeExecutor,
    with_ray: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that the next student's timing leaves the cluster that the last one's answers joined."""
    config = pooled_config(tiny, tmp_path / "cache")
    inputs = prepare_inputs(config, HERE)
    common = SharedByStudents(config, Caches.open(inputs.cache_folder, rehash=False))
    made = [executor]
    monkeypatch.setattr(measuring, "executor_of", lambda config: made.append(executor))
    first, second = (
        SessionStore(config, inputs, isolate_first=False, progress=quiet_progress(), shared=common)
        for _ in range(2)
    )
    first.answers("student")
    assert (made, executor.left) == ([executor], 0)
    monkeypatch.setattr(opening, "free_memory", lambda device: 1)
    with pytest.raises(ModelReferenceError, match="do not fit into the memory of cpu"):
        second.model("student")
    assert executor.left == 1
    common.close()
    assert executor.left == 2


def test_a_student_that_is_waited_for_is_asked_through_replicas(
    tiny: Tiny, tmp_path: Path, with_ray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A teacher behind a server is then not the only model."""
    config = config_of(
        executor="ray",
        data_path=str(tiny.questions),
        metrics_dir=str(tmp_path / "metrics"),
        wait_for_training=str(tmp_path / "run"),
    )
    served = replace(resolve_reference("demo:teacher"), served=cast(Any, object()))
    monkeypatch.setattr(preparation, "resolve_reference", lambda *of, **how: served)
    assert list(prepare_inputs(config, HERE, awaited=AWAITED).plans) == ["teacher"]
