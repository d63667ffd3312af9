"""Saying what a run would cost, in place of the run."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from distill_fixtures.errors import DistillBenchError
from distill_fixtures.estimate.targets import find_target
from distill_fixtures.options.table import option_named
from distill_fixtures.plugin.estimate_elsewhere import EstimateElsewhere
from distill_fixtures.plugin.estimate_here import EstimateHere
from distill_fixtures.plugin.estimate_parts import Bill
from distill_fixtures.plugin.wanted_work import Wanted, wanted_by
from distill_fixtures.report.estimate_text import estimate_text
from distill_fixtures.report.github import defused, on_github
from distill_fixtures.report.terminal import FEWEST_COLUMNS

if TYPE_CHECKING:
    from distill_fixtures.config import RunConfig
    from distill_fixtures.estimate.record import Estimate
    from distill_fixtures.plugin.session import Session
    from distill_fixtures.plugin.student_run import StudentRun

__all__ = ["Estimating"]


class Estimating:
    """Takes the place of :class:`~distill_fixtures.plugin.suite.Suite`: runs no test.

    Args:
        config: pytest's.
        session: all that the run would measure.

    Attributes:
        estimate: None until it was made.
    """

    NAME = "distill_fixtures.plugin.estimating"

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        self.estimate: Estimate | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Estimate in place of the tests; True says that they are done."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        try:
            self.estimate = self._estimated(session)
        except DistillBenchError as error:
            # A run of these options would end so too.
            raise pytest.UsageError(str(error)) from None
        return True

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.estimate is None:
            return
        writer = terminalreporter.config.get_terminal_writer()
        terminalreporter.write_sep("=", "estimate")
        text = estimate_text(
            self.estimate,
            width=max(FEWEST_COLUMNS, writer.fullwidth),
            colour=bool(writer.hasmarkup),
            verbosity=terminalreporter.config.get_verbosity(),
        )
        terminalreporter.write(defused(text) if on_github(os.environ) else text)

    def pytest_unconfigure(self) -> None:
        self._session.close()

    def _estimated(self, session: pytest.Session) -> Estimate:
        bill = Bill()
        runs = list(self._session.runs.values())
        config = runs[0].student.config if runs else None
        if config is None or config.estimate_on is None:
            here = EstimateHere(bill, started_s=_seconds_of_this_process())
            try:
                for run in runs:
                    here.add(run, self._wanted(run, session, bill))
            finally:
                here.close()
            where = "this machine"
        else:
            target = find_target(option_named("estimate_on").flag, config.estimate_on)
            elsewhere = EstimateElsewhere(bill, target)
            for run in runs:
                elsewhere.add(run, self._wanted(run, session, bill))
            elsewhere.close()
            where = f"{target.text}: {target.count} x {target.device.name}"
        self._note_rest(bill, config)
        return bill.total(where)

    def _wanted(self, run: StudentRun, session: pytest.Session, bill: Bill) -> Wanted:
        own = [
            item
            for item in session.items
            if item.nodeid in run.state.selected_set
            and self._session.run_of_test(item.nodeid) is run
        ]
        plans = run.store.inputs.plans
        adapters = [role for role, plan in plans.items() if plan.kind == "adapter"]
        wanted = wanted_by(own, run.student.config, run.store.roles, adapters)
        if wanted.unknown:
            bill.note(
                f"{wanted.unknown} selected tests have no mark of a family (size, accuracy and so "
                "on): what they would measure is not in these figures"
            )
        return wanted

    def _note_rest(self, bill: Bill, config: RunConfig | None) -> None:
        cached = sum(each.from_cache for each in bill.models)
        if cached:
            bill.note(f"{cached:,} answers are in the score cache already, and are no work")
        several = self._session.several
        for halt in () if several is None else several.halts.values():
            bill.note(f"left out: {halt.reason}")
        if config is not None and config.executor == "ray" and config.estimate_on is None:
            flag = option_named("executor").flag
            bill.note(f"answers are timed as of this process alone, not of {flag} ray's replicas")


def _seconds_of_this_process() -> float:
    import psutil

    return max(0.0, time.time() - psutil.Process().create_time())
