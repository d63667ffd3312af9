"""The kernel's count of kills for lack of memory, from every place where it may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.measure.processes.memory_kills import count_memory_kills, kills_since
from distill_fixtures.records import Undefined

EVENTS = "low 0\nhigh 7\nmax 12\noom 3\noom_kill {}\noom_group_kill 9\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
V1 = "9:name=systemd:/\n4:memory:/box/17\n3:cpuset:/\n0::/\n"


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    ("groups", "path", "text"),
    [
        ("0::/user/17\n", "sys/fs/cgroup/user/17/memory.events", EVENTS),
        ("0::/user/17\n", "sys/fs/cgroup/unified/user/17/memory.events", EVENTS),
        # A container's own group lies at the top, whatever it is called outside.
        ("0::/../../outside\n", "sys/fs/cgroup/memory.events", EVENTS),
        (V1, "sys/fs/cgroup/memory/box/17/memory.oom_control", CONTROL),
        (V1, "sys/fs/cgroup/memory/memory.oom_control", CONTROL),
        ("2:cpu,memory:/x\n", "sys/fs/cgroup/memory/x/memory.oom_control", CONTROL),
        ("", "proc/vmstat", "pgfault 12\noom_kill {}\nnuma_hit 3\n"),
    ],
)
def test_where_the_count_stands(tmp_path: Path, groups: str, path: str, text: str) -> None:
    put(tmp_path, "proc/self/cgroup", groups)
    before = count_memory_kills(tmp_path)
    assert isinstance(before, Undefined)
    put(tmp_path, path, text.format(5))
    assert count_memory_kills(tmp_path) == 5
    assert kills_since(5, tmp_path) == 0
    put(tmp_path, path, text.format(6))
    assert kills_since(5, tmp_path) == 1
    assert kills_since(before, tmp_path) is before


def test_the_process_s_own_group_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", V1)
    put(tmp_path, "proc/vmstat", "oom_kill 40\n")
    put(tmp_path, "sys/fs/cgroup/memory/memory.oom_control", CONTROL.format(4))
    assert count_memory_kills(tmp_path) == 4
    put(tmp_path, "sys/fs/cgroup/memory/box/17/memory.oom_control", CONTROL.format(1))
    assert count_memory_kills(tmp_path) == 1


def test_an_old_kernel_without_the_count(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", V1)
    put(tmp_path, "sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n")
    put(tmp_path, "proc/vmstat", "pgfault 12\n")
    found = kills_since(3, tmp_path)
    assert isinstance(found, Undefined)
    assert "does not count" in found.reason
