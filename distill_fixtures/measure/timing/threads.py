"""One number of CPU threads for the whole of a timing."""

from __future__ import annotations

import sys

from distill_fixtures.errors import MeasurementError
from distill_fixtures.records import Undefined

__all__ = ["PinnedThreads"]


class PinnedThreads:
    """torch's threads, fixed at the number in force when this is made.

    Saying the number, if only the present one, also keeps the matrix library from taking fewer
    threads by its own judgement.

    Attributes:
        count: how many; undefined where torch was not imported, so that no model runs here.
    """

    def __init__(self) -> None:
        self._torch = sys.modules.get("torch")
        self.count: int | Undefined = Undefined("the models do not run in this process")
        if self._torch is not None:
            self.count = int(self._torch.get_num_threads())
            self._torch.set_num_threads(self.count)

    def check(self) -> None:
        """Make sure that the number still stands.

        Raises:
            MeasurementError: something has changed it, so that rounds do not compare.
        """
        if self._torch is None:
            return
        now = int(self._torch.get_num_threads())
        if now != self.count:
            raise MeasurementError(
                "the number of threads changed while models were timed",
                got=f"{now} threads after {self.count}",
                wanted="the same number from the first round to the last",
                next_step="find what calls torch.set_num_threads in this process",
            )
