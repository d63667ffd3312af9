"""What SIGTERM does while this process is in a Ray cluster.

Ray has it raise SystemExit from wherever the process is, for as long as the process lives. Within a
test that is a failed test, and the run goes on: nobody could end it. The default would leave some
of Ray's processes behind.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["Sigterm"]


class Sigterm:
    """Holds the handler that was there before."""

    def __init__(self) -> None:
        self._before: Any = None
        self._is_ours = False

    def take_over(self, join: Callable[[], object]) -> None:
        """Join a cluster; from then on SIGTERM is an interrupt from the keyboard, which ends the
        run and the cluster and keeps what was measured. A handler of the user's own stays.

        What joining raises is raised here, and nothing has changed then.
        """
        if threading.current_thread() is not threading.main_thread():
            join()  # neither Ray nor we can set a handler here
            return
        before = signal.getsignal(signal.SIGTERM)
        try:
            join()
        except SystemExit as error:
            _set(before)
            raise KeyboardInterrupt from error  # SIGTERM while Ray's own handler was set
        except BaseException:
            _set(before)
            raise
        is_default = before in (signal.SIG_DFL, None)
        _set(_interrupt if is_default else before)
        self._before, self._is_ours = before, is_default

    def give_back(self) -> None:
        """The cluster was left: SIGTERM does what it did before."""
        if self._is_ours and signal.getsignal(signal.SIGTERM) is _interrupt:
            _set(self._before)
        self._is_ours = False


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt("SIGTERM")


def _set(handler: Any) -> None:
    # None: one that Python did not set, and cannot set again.
    signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)
