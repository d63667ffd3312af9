"""The machine in the document."""

from __future__ import annotations

import pytest

from distill_fixtures.measure.machine.load import ProcessUse
from distill_fixtures.measure.machine.watch import MachineRecord
from distill_fixtures.records import Undefined
from distill_fixtures.report.machine_section import machine_section
from tests.measure.machine.made_up_machine import make_check, make_load
from tests.report.made_up_run import ROOT
from tests.report.paths import nulls


@pytest.fixture
def record() -> MachineRecord:
    made = MachineRecord()
    made.before = make_check()
    made.during = {
        1: make_load(others_cores=0.9, busiest=(ProcessUse("cc1plus", 0.8),)),
        "processes": make_load(steal_share=Undefined("no virtual machine")),
    }
    return made


def test_what_was_found_is_there(record: MachineRecord) -> None:
    section, reasons = machine_section(record)
    plain = section.model_dump(mode="json")
    assert plain["taken"] == "before timing"
    assert (plain["usable_cores"], plain["threads"]) == (2, 2)
    assert plain["load"]["window_s"] == 0.5
    assert plain["during"]["1"]["others_cores"] == 0.9
    assert plain["during"]["1"]["busiest"] == [{"name": "cc1plus", "cores": 0.8}]
    assert reasons["during.processes.steal_share"] == "no virtual machine"
    (problem,) = plain["problems"]
    assert (problem["key"], problem["when"]) == ("other_load", "while timing batch size 1")


@pytest.mark.parametrize("timed", [True, False])
def test_every_null_has_its_reason(record: MachineRecord, timed: bool) -> None:
    record = record if timed else MachineRecord(ROOT / "no_such_machine")
    section, reasons = machine_section(record)
    assert set(nulls(section.model_dump(mode="json"))) == reasons.keys()
    assert all(reasons.values())


def test_a_run_that_times_nothing(record: MachineRecord) -> None:
    section, reasons = machine_section(MachineRecord())
    assert section.taken == "as the document was made"
    assert (section.during, section.problems) == ({}, [])
    assert reasons["load"] == "nothing was timed"
