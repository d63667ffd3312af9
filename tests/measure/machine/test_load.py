"""What happened between two readings of a machine's counters."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distill_fixtures.measure.machine.kernel_counters import take_reading
from distill_fixtures.measure.machine.load import MachineLoad, load_between
from distill_fixtures.measure.machine.process_times import family_of, own_process, read_processes
from distill_fixtures.records import Undefined
from tests.measure.machine.made_up_machine import OWN_PID, MadeUpMachine

PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def machine(tmp_path: Path) -> MadeUpMachine:
    made = MadeUpMachine(tmp_path)
    made.processes |= {
        (71, OWN_PID, "worker"): 300,
        (72, 71, "its child"): 100,
        (80, 1, "cc1 (x) plus"): 50,
        (81, 1, "sleeper"): 5,
    }
    made.write()
    return made


def over(machine: MadeUpMachine, seconds: float, **passing: object) -> MachineLoad:
    first = take_reading(machine.root, machine.now)
    machine.pass_time(seconds, **passing)  # type: ignore[arg-type]
    return load_between(first, take_reading(machine.root, machine.now))


def test_a_case_worked_by_hand(machine: MadeUpMachine) -> None:
    """Ten seconds: core 0 busy throughout, core 1 for half of it and stolen for a tenth. Of the 15
    seconds used, 7 are this process's and 2 + 1 its children's."""
    used_s = {OWN_PID: 7.0, 71: 2.0, 72: 1.0, 80: 4.0, 81: 0.1}
    found = over(machine, 10.0, busy=(1.0, 0.5), steal=(0.0, 0.1), used_s=used_s)
    assert found.window_s == 10.0
    assert found.counted_cores == 2
    assert found.own_cores == pytest.approx(1.0)
    assert found.others_cores == pytest.approx(0.5)
    assert found.steal_share == pytest.approx(0.05)
    assert isinstance(found.busiest, tuple)
    assert [each.name for each in found.busiest] == ["cc1 (x) plus"]
    assert found.busiest[0].cores == pytest.approx(0.4)


def test_only_allowed_cores_count(tmp_path: Path) -> None:
    machine = MadeUpMachine(tmp_path, allowed="1")
    machine.write()
    found = over(machine, 2.0, busy=(1.0, 0.25))
    assert found.counted_cores == 1
    assert found.others_cores == pytest.approx(0.25)


def test_a_child_that_ended_still_counts_as_own(machine: MadeUpMachine) -> None:
    first = take_reading(machine.root, machine.now)
    machine.end(72)
    machine.end(71)
    machine.waited = 300 + 100 + 150  # all that the two ever used, 1.5 s of it since
    machine.pass_time(3.0, busy=(0.5, 0.0))
    found = load_between(first, take_reading(machine.root, machine.now))
    assert found.own_cores == pytest.approx(0.5)
    assert found.others_cores == pytest.approx(0.0)


def test_a_process_id_used_again_is_another_process(machine: MadeUpMachine) -> None:
    first = take_reading(machine.root, machine.now)
    machine.pass_time(1.0)
    text = (machine.root / "proc/80/stat").read_text().replace(" 800 ", " 99999 ")
    machine.file("proc/80/stat", text.replace("50 0 0 0 20", "5000 0 0 0 20"))
    found = load_between(first, take_reading(machine.root, machine.now))
    assert found.busiest == ()


def test_the_three_busiest(machine: MadeUpMachine) -> None:
    machine.processes |= {(90 + n, 1, f"p{n}"): 0 for n in range(4)}
    machine.write()
    found = over(machine, 1.0, used_s={90: 0.1, 91: 0.4, 92: 0.2, 93: 0.3})
    assert isinstance(found.busiest, tuple)
    assert [(each.name, round(each.cores, 9)) for each in found.busiest] == [
        ("p1", 0.4),
        ("p3", 0.3),
        ("p2", 0.2),
    ]


def test_names_are_printable(machine: MadeUpMachine) -> None:
    machine.processes[(95, 1, "a\x1b[31m\nb")] = 0
    machine.write()
    found = over(machine, 1.0, used_s={95: 1.0})
    assert isinstance(found.busiest, tuple)
    assert found.busiest[0].name == "a?[31m?b"


def test_throttling_is_that_of_the_group_that_stood_longest(machine: MadeUpMachine) -> None:
    def write(inner: str, outer: str) -> None:
        form = "nr_periods {}\nnr_throttled {}\nthrottled_usec {}\n"
        machine.files(
            {
                "proc/self/cgroup": "0::/a\n",
                "sys/fs/cgroup/a/cpu.stat": form.format(*inner.split()),
                "sys/fs/cgroup/cpu.stat": form.format(*outer.split()),
            }
        )

    write("100 10 1000000", "100 0 0")
    first = take_reading(machine.root, machine.now)
    write("150 20 1500000", "200 50 4000000")
    machine.now_s += 5.0
    found = load_between(first, take_reading(machine.root, machine.now))
    assert (found.throttled_s, found.throttled_periods_share) == (4.0, 0.5)


def test_swap_and_faults_and_waiting(machine: MadeUpMachine) -> None:
    first = take_reading(machine.root, machine.now)
    machine.swap_pages, machine.faults = (30, 5), 12
    machine.schedstat_ns = (8_000_000_000, 1_000_000_000)
    machine.pass_time(4.0)
    found = load_between(first, take_reading(machine.root, machine.now))
    assert (found.swapped_in_bytes, found.swapped_out_bytes) == (30 * PAGE, 5 * PAGE)
    assert found.own_major_faults == 12
    assert found.own_wait_share == pytest.approx(0.25)


def test_heat_is_counted_once_a_package(machine: MadeUpMachine) -> None:
    folder = "sys/devices/system/cpu/cpu{}/thermal_throttle/{}_throttle_count"

    def write(cores: tuple[int, int], package: int) -> None:
        for core, count in enumerate(cores):
            machine.file(folder.format(core, "core"), f"{count}\n")
            machine.file(folder.format(core, "package"), f"{package}\n")

    write((3, 4), 10)
    first = take_reading(machine.root, machine.now)
    write((3, 6), 11)
    machine.pass_time(1.0)
    assert load_between(first, take_reading(machine.root, machine.now)).thermal_events == 3


def test_no_time_between(machine: MadeUpMachine) -> None:
    reading = take_reading(machine.root, machine.now)
    with pytest.raises(ValueError, match=r"0\.0 s between"):
        load_between(reading, reading)


def test_a_system_without_any_of_it(tmp_path: Path) -> None:
    machine = MadeUpMachine(tmp_path)
    first = take_reading(tmp_path, machine.now)
    machine.now_s += 1.0
    found = load_between(first, take_reading(tmp_path, machine.now))
    told = {
        name: getattr(found, name)
        for name in MachineLoad.__dataclass_fields__
        if not isinstance(getattr(found, name), Undefined)
    }
    assert told == {"window_s": 1.0}


@pytest.mark.parametrize(
    ("name", "text", "field", "reason"),
    [
        ("proc/stat", "cpu0 a b c\n", "others_cores", "does not count a core's time"),
        ("proc/stat", "cpu0 1 2\n", "steal_share", "does not count a core's time"),
        ("proc/stat", "", "others_cores", "counts no core"),
        ("proc/self/stat", "odd", "own_cores", "which process this is"),
        ("proc/self/stat", "odd", "busiest", "which process this is"),
        ("proc/self/status", "", "counted_cores", "no Cpus_allowed_list"),
        (f"proc/self/task/{OWN_PID}/schedstat", "x", "own_wait_share", "is no schedstat"),
        ("proc/vmstat", "pswpin many\n", "swapped_in_bytes", "no whole number"),
        ("proc/vmstat", "pswpin\n", "swapped_out_bytes", "has no pswpout"),
        (
            "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
            "hot",
            "thermal_events",
            "no whole number",
        ),
    ],
)
def test_malformed_files(
    machine: MadeUpMachine, name: str, text: str, field: str, reason: str
) -> None:
    machine.file(name, text)
    first = take_reading(machine.root, machine.now)
    machine.now_s += 1.0
    value = getattr(load_between(first, take_reading(machine.root, machine.now)), field)
    assert isinstance(value, Undefined)
    assert reason in value.reason


def test_counters_that_stand_still_or_run_backwards(machine: MadeUpMachine) -> None:
    machine.swap_pages = (5, 5)
    machine.write()
    first = take_reading(machine.root, machine.now)
    machine.swap_pages = (4, 5)
    machine.write()
    machine.now_s += 1.0
    found = load_between(first, take_reading(machine.root, machine.now))
    assert found.others_cores == Undefined("the counters of /proc/stat stood still")
    assert found.swapped_in_bytes == Undefined("a counter ran backwards, from 5 to 4")
    assert found.swapped_out_bytes == 0


def test_a_process_line_that_makes_no_sense_is_left_out(machine: MadeUpMachine) -> None:
    machine.file("proc/98/stat", "98 (cut off) S 1 2")
    machine.file("proc/99/stat", "x (letters) " + "S " * 30)
    found = read_processes(machine.root)
    assert not isinstance(found, Undefined)
    assert {pid for pid, _ in found} == {1, OWN_PID, 71, 72, 80, 81}


def test_a_family(machine: MadeUpMachine) -> None:
    processes = read_processes(machine.root)
    assert not isinstance(processes, Undefined)
    own = own_process(machine.root, processes)
    assert not isinstance(own, Undefined)
    assert {pid for pid, _ in family_of(own, processes)} == {OWN_PID, 71, 72}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux alone has it")
def test_this_process_against_psutil() -> None:
    import psutil

    processes = read_processes()
    assert not isinstance(processes, Undefined)
    own = own_process(Path("/"), processes)
    assert not isinstance(own, Undefined)
    same = psutil.Process()
    assert (own.pid, own.parent, own.name) == (same.pid, same.ppid(), same.name()[:15])
    times = same.cpu_times()
    assert own.own_s == pytest.approx(times.user + times.system, abs=0.5)
