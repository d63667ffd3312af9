"""When each token was there, noted without slowing down the loop that makes them.

A device that works behind the computer's back (CUDA) would stand idle at every token if each were
waited for. So a mark is put into its queue after each token and read when all is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from distill_fixtures.errors import MeasurementError
from distill_fixtures.models.protocol import Clock

__all__ = ["CudaEventTimes", "HostTimes", "TokenTimes", "token_times"]

# A mark is read to 0.5 microseconds, and the two clocks run apart by some millionths; what is more
# than this is a fault. The computer's reading may be late, but the device's marks cannot be.
MOST_AHEAD_S, MOST_AHEAD_SHARE = 0.001, 0.01


class TokenTimes(Protocol):
    """Time stamps of one request. It begins when the object is made."""

    def stamp(self) -> None:
        """A token has been asked for; called once a token."""
        ...

    def seconds(self) -> tuple[float, ...]:
        """Seconds from the begin until each token was there; waits for the device."""
        ...


class HostTimes:
    """Stamps of the computer's clock, read once a token.

    Args:
        clock: where time comes from.
        wait: returns once the device has done all that was asked of it; None where the computer
            itself is the device.
    """

    def __init__(self, clock: Clock, wait: Callable[[], None] | None = None) -> None:
        self._now, self._wait = clock.now, wait
        self._stamps: list[float] = []
        if wait is not None:
            wait()
        self._start = self._now()

    def stamp(self) -> None:
        if self._wait is not None:
            self._wait()
        self._stamps.append(self._now())

    def seconds(self) -> tuple[float, ...]:
        return tuple(stamp - self._start for stamp in self._stamps)


class CudaEventTimes:
    """Stamps of the GPU's own clock: an event a token, waited for once at the end.

    The end-to-end time is the computer's, read when the GPU has finished; the tokens before the
    last have the GPU's times. A request of one token has the computer's time alone.

    Args:
        clock: the computer's.
        stream: the ``torch.cuda.Stream`` that the model's work is queued in.
        new_mark: makes a ``torch.cuda.Event(enable_timing=True)``.
    """

    def __init__(self, clock: Clock, stream: Any, new_mark: Callable[[], Any]) -> None:
        self._now, self._stream, self._new_mark = clock.now, stream, new_mark
        self._marks: list[Any] = []
        stream.synchronize()
        # Nothing is queued, so the mark is reached the moment that it is set.
        self._first = self._set_mark()
        self._start = self._now()

    def stamp(self) -> None:
        self._marks.append(self._set_mark())

    def seconds(self) -> tuple[float, ...]:
        """As the protocol says.

        Raises:
            MeasurementError: the GPU's clock has run ahead of the computer's.
        """
        self._stream.synchronize()
        end_s = self._now() - self._start
        times = [self._first.elapsed_time(mark) / 1000 for mark in self._marks]
        if not times:
            return ()
        if times[-1] > end_s * (1 + MOST_AHEAD_SHARE) + MOST_AHEAD_S:
            raise MeasurementError(
                "the GPU's clock and the computer's do not agree",
                got=f"{times[-1]:.6f} s on the GPU in {end_s:.6f} s of the computer",
                wanted="no more than 1 % and 1 ms beyond the computer's",
                next_step="look for a clock that is set or stopped, as in a virtual machine",
            )
        return (*(min(time_s, end_s) for time_s in times[:-1]), end_s)

    def _set_mark(self) -> Any:
        mark = self._new_mark()
        mark.record(self._stream)
        return mark


def token_times(device: Any, clock: Clock) -> TokenTimes:
    """Begin to note when tokens are there.

    Args:
        device: the ``torch.device`` that the model is on.
        clock: the computer's.
    """
    import torch

    if device.type == "cuda":
        cuda: Any = torch.cuda
        return CudaEventTimes(
            clock, cuda.current_stream(device), lambda: cuda.Event(enable_timing=True)
        )
    return HostTimes(clock, torch.mps.synchronize if device.type == "mps" else None)
