"""Whether models fit, told from headers and from the kernel's files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.free_memory import free_memory, group_room, may_have_gpu
from distill_fixtures.models.memory_needs import MemoryNeed, check_memory, memory_need
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Undefined


@pytest.fixture(scope="module")
def student() -> ModelPlan:
    return resolve_reference("demo:student")


def test_parameters_times_their_bytes(student: ModelPlan) -> None:
    whole, half, as_saved = (
        memory_need(student, dtype) for dtype in ("float32", "bfloat16", "auto")
    )
    assert isinstance(whole, MemoryNeed)
    assert isinstance(half, MemoryNeed)
    assert whole.size_bytes == 2 * half.size_bytes
    assert as_saved == MemoryNeed(student.reference, student.weights_bytes)


def test_packed_weights_take_what_they_take_in_the_file(student: ModelPlan) -> None:
    packed = replace(student, config={**student.config, "quantization_config": {}})
    assert memory_need(packed, "float32") == MemoryNeed("demo:student", student.weights_bytes)


@pytest.mark.parametrize("kind", ["hub", "served"])
def test_files_that_are_not_here_tell_nothing(kind: str) -> None:
    plan = ModelPlan("r", kind, Path())  # type: ignore[arg-type]
    assert isinstance(memory_need(plan, "float32"), Undefined)


def test_what_does_not_fit_is_refused_with_the_figures(student: ModelPlan) -> None:
    teacher = resolve_reference("demo:teacher")
    plans = {"teacher": teacher, "student": student}
    needs = [memory_need(plan, "float32") for plan in plans.values()]
    together = sum(each.size_bytes for each in needs if isinstance(each, MemoryNeed))
    check_memory(plans, device="cpu", dtype="float32", free_bytes=together)
    check_memory(plans, device="cpu", dtype="float32", free_bytes=None)
    with pytest.raises(ModelReferenceError) as caught:
        check_memory(plans, device="cpu", dtype="float32", free_bytes=together - 1)
    for words in ("teacher demo:teacher", "student demo:student", "GB are free"):
        assert words in caught.value.got
    assert "--distill-dtype bfloat16" in caught.value.next_step
    with pytest.raises(ModelReferenceError) as caught:
        check_memory(plans, device="cpu", dtype="bfloat16", free_bytes=0)
    assert "--distill-dtype" not in caught.value.next_step


def test_one_model_in_two_roles_counts_once(student: ModelPlan) -> None:
    need = memory_need(student, "float32")
    assert isinstance(need, MemoryNeed)
    plans = {"teacher": student, "student": student}
    check_memory(plans, device="cpu", dtype="float32", free_bytes=need.size_bytes)


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_no_group_no_limit(tmp_path: Path) -> None:
    assert group_room(tmp_path) is None
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", "max\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", "100\n")
    assert group_room(tmp_path) is None


def test_the_tightest_group_of_version_2(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/outer/inner\n")
    for group, limit, used in (("outer", 1000, 300), ("outer/inner", 2000, 100)):
        put(tmp_path, f"sys/fs/cgroup/{group}/memory.max", f"{limit}\n")
        put(tmp_path, f"sys/fs/cgroup/{group}/memory.current", f"{used}\n")
    assert group_room(tmp_path) == 700
    put(tmp_path, "sys/fs/cgroup/outer/memory.stat", "anon 10\ninactive_file 250\n")
    assert group_room(tmp_path) == 950
    put(tmp_path, "sys/fs/cgroup/outer/memory.current", "5000\n")
    assert group_room(tmp_path) == 0


def test_version_1(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "5:cpu:/a\n3:memory,hugetlb:/docker/x\n")
    put(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n")
    put(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", "400\n")
    put(tmp_path, "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", f"{2**63 - 4096}\n")
    put(tmp_path, "sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes", "400\n")
    assert group_room(tmp_path) == 600


def test_nonsense_is_no_limit(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "nonsense\n0::/../../etc\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", "-5\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", "x\n")
    assert group_room(tmp_path) is None


def test_free_memory_is_what_psutil_says_within_the_group(tmp_path: Path) -> None:
    free = free_memory("cpu", tmp_path)
    assert free is not None
    assert free > 10_000_000
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", "5000000\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", "1000000\n")
    assert free_memory("cpu", tmp_path) == 4_000_000
    assert free_memory("mps", tmp_path) is None


def test_a_gpu_is_told_by_its_driver_s_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert not may_have_gpu(tmp_path)
    put(tmp_path, "dev/nvidiactl", "")
    assert may_have_gpu(tmp_path)
