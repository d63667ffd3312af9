"""What the document says of the machine: before timing, and during each."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from distill_fixtures.records import Undefined
from distill_fixtures.report.figure_sections import DocumentSection, Number

if TYPE_CHECKING:
    from distill_fixtures.measure.machine.load import MachineLoad
    from distill_fixtures.measure.machine.watch import MachineRecord

__all__ = [
    "MachineCheckSection",
    "MachineLoadSection",
    "MachineProblemSection",
    "ProcessUseSection",
    "machine_section",
]


class ProcessUseSection(DocumentSection):
    """A process that was busy beside this one."""

    name: str = Field(description="the kernel's short name for it; no command line")
    cores: Number = Field(description="cores' worth of time that it used")


class MachineLoadSection(DocumentSection):
    """What a machine did over a stretch of time, on the cores that the run may use."""

    window_s: Number = Field(description="how long it lasted")
    counted_cores: int | None = Field(description="logical cores in the run's affinity")
    own_cores: Number | None = Field(
        description="cores' worth of time that the run and the processes it started used"
    )
    others_cores: Number | None = Field(
        description="the same of all other processes and the kernel; in a container those outside "
        "it count"
    )
    busiest: list[ProcessUseSection] | None = Field(
        description="the three that used most of it, as far as they can be seen"
    )
    own_wait_share: Number | None = Field(
        description="share of their time ready to run that the run's threads waited for a core, 0 "
        "to 1"
    )
    steal_share: Number | None = Field(
        description="share of the cores' time that a virtual machine's host took, 0 to 1"
    )
    throttled_s: Number | None = Field(
        description="time that the control group stood still for its CPU quota, summed over cores"
    )
    throttled_periods_share: Number | None = Field(
        description="share of its scheduling periods in which that happened, 0 to 1"
    )
    thermal_events: int | None = Field(
        description="times that the processor slowed down for its heat"
    )
    swapped_in_bytes: int | None = Field(description="from swap, of the whole system")
    swapped_out_bytes: int | None = Field(description="to swap, of the whole system")
    own_major_faults: int | None = Field(
        description="pages that the run, or a process that timed for it, waited for a disk for"
    )


class MachineProblemSection(DocumentSection):
    """One thing that was wrong with the machine."""

    key: str = Field(description="its kind: `other_load`, `steal`, `throttled`, ...")
    severity: Literal["warning", "too_noisy"] = Field(
        description="too_noisy: what was timed meanwhile is not judged"
    )
    when: str = Field(description="before timing, or which timing")
    sentence: str = Field(description="what was wrong, with the figure")
    next_step: str = Field(description="what to do")


class MachineCheckSection(DocumentSection):
    """How busy and how limited the machine was: before the first timing, or, in a run that times
    nothing, as the document was made."""

    taken: Literal["before timing", "as the document was made"] = Field(
        description="when these figures were taken"
    )
    load_average_1_min: Number | None = Field(
        description="processes that run or wait for a core or a disk, the run's own too"
    )
    load_average_5_min: Number | None = Field(description="the same over five minutes")
    load_average_15_min: Number | None = Field(description="the same over a quarter of an hour")
    memory_available_bytes: int | None = Field(
        description="memory that a process could get without swapping"
    )
    swap_used_bytes: int | None = Field(description="what lies in swap")
    swapped_in_bytes: int | None = Field(description="from swap since the system started")
    swapped_out_bytes: int | None = Field(description="to swap since the system started")
    allowed_cores: int | None = Field(description="logical cores in the run's affinity")
    quota_cores: Number | None = Field(
        description="cores' worth of time that the tightest control group lets the run use"
    )
    usable_cores: Number | None = Field(description="the smaller of the two")
    threads: int | None = Field(description="that torch was about to use")
    governor: str | None = Field(description="the processor's frequency governor")
    frequency_driver: str | None = Field(description="the driver that it works with")
    turbo: bool | None = Field(description="whether the clock may rise above its nominal rate")
    gpu_utilisation_pct: Number | None = Field(description="how busy others kept the GPU, 0 to 100")
    gpu_memory_elsewhere_bytes: int | None = Field(
        description="GPU memory neither free nor this process's tensors': others', and some 0.5 GB "
        "of its own"
    )
    load: MachineLoadSection | None = Field(
        description="what others did in a short window, while the run slept"
    )
    during: dict[str, MachineLoadSection] = Field(
        description="the same for each timing, by batch size; `processes`: of all the processes "
        "timed for a comparison with a baseline; `merged_teacher`, `merged_student`: of the timing "
        "of an adapter's model unmerged and merged"
    )
    problems: list[MachineProblemSection] = Field(description="what was wrong, the worst first")


def machine_section(record: MachineRecord) -> tuple[MachineCheckSection, dict[str, str]]:
    """The section, and the reasons of its nulls by key."""
    check, reasons = record.checked, dict[str, str]()
    values: dict[str, Any] = {
        "load_average_1_min": check.load_average_1_min,
        "load_average_5_min": check.load_average_5_min,
        "load_average_15_min": check.load_average_15_min,
        **{each.name: getattr(check.memory, each.name) for each in fields(check.memory)},
        "allowed_cores": check.limits.allowed_cores,
        "quota_cores": check.limits.quota_cores,
        "usable_cores": check.limits.usable_cores,
        "threads": check.threads,
        "governor": check.speed.governor,
        "frequency_driver": check.speed.driver,
        "turbo": check.speed.turbo,
        "gpu_utilisation_pct": check.gpu.utilisation_pct,
        "gpu_memory_elsewhere_bytes": check.gpu.memory_elsewhere_bytes,
        "load": _load_section(check.load, "load.", reasons),
    }
    section = MachineCheckSection(
        taken="as the document was made" if record.before is None else "before timing",
        during={
            str(key): _load_section(load, f"during.{key}.", reasons)
            for key, load in record.during.items()
        },
        problems=[
            MachineProblemSection(
                **{name: getattr(each, name) for name in MachineProblemSection.model_fields}
            )
            for each in record.problems
        ],
        **_told(values, "", reasons),
    )
    return section, reasons


def _load_section(load: MachineLoad | Undefined, path: str, reasons: dict[str, str]) -> Any:
    if isinstance(load, Undefined):
        return load
    values = {each.name: getattr(load, each.name) for each in fields(load)}
    if not isinstance(load.busiest, Undefined):
        values["busiest"] = [
            ProcessUseSection(name=each.name, cores=each.cores) for each in load.busiest
        ]
    return MachineLoadSection(**_told(values, path, reasons))


def _told(values: dict[str, Any], path: str, reasons: dict[str, str]) -> dict[str, Any]:
    """The values; None for one that is undefined, with its reason noted."""
    for name, value in values.items():
        if isinstance(value, Undefined):
            reasons[path + name] = value.reason
    return {k: None if isinstance(v, Undefined) else v for k, v in values.items()}
