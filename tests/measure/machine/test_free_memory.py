"""Memory that can be had, told from the kernel's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.measure.machine.free_memory import free_memory, group_room, may_have_gpu


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
