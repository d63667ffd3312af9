"""``pytest`` for the pages' commands.

It sees no counters of the machine: tests share it with much else, and would be judged by that.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from distill_fixtures.measure.machine.watch import MachineRecord

if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file, which a console script does not have there
    MachineRecord.ROOT = Path(__file__).with_name("no_such_machine")
    sys.exit(pytest.main())
