"""Every error that this package raises on purpose.

::

    DistillBenchError            four parts: what, got, wanted, next step
      UsageError                 found before any weight is read; nothing is written
        OptionError              a command-line option or ini key
        ModelReferenceError      a model reference or model folder
        QuestionFileError        a questions file (file and line are named)
        ThresholdsError          thresholds.toml
        CacheError               a cache file holds what this package did not write
        BaselineError            the document of an earlier run that was named as baseline
        ResultFileError          a file of results that a command was given
        TrackerError             a tracking server that is not there, or refuses
        TrainingError            a training run that was waited for left no model to measure
      MeasurementError           found while measuring; what was measured until then is kept
        NotFiniteScoreError      NaN or infinity in a model's scores (question named)
        ServerError              a server did not do what it was asked for
        MissingFigureError       a figure cannot be had here
          WorkerError            a measuring process died, timed out or was killed

Both branches end a pytest run with exit code 4, but for MissingFigureError: the figures are then
missing with its message as the reason, and the run goes on.
"""

from __future__ import annotations

__all__ = [
    "BaselineError",
    "CacheError",
    "DistillBenchError",
    "MeasurementError",
    "MissingFigureError",
    "ModelReferenceError",
    "NotFiniteScoreError",
    "OptionError",
    "QuestionFileError",
    "ResultFileError",
    "ServerError",
    "ThresholdsError",
    "TrackerError",
    "TrainingError",
    "UsageError",
    "WorkerError",
]


class DistillBenchError(Exception):
    """One message in four parts.

    Args:
        what: what is wrong, as a clause without a full stop: ``"--distill-limit is too small"``.
        got: what came: ``"0"``.
        wanted: what was expected: ``"a whole number of at least 1"``.
        next_step: what the reader can do now: ``"leave the option out to use all questions"``.
    """

    def __init__(self, what: str, *, got: str, wanted: str, next_step: str) -> None:
        self.what = what
        self.got = got
        self.wanted = wanted
        self.next_step = next_step
        super().__init__(what, got, wanted, next_step)

    def __str__(self) -> str:
        parts = (("got:   ", self.got), ("wanted:", self.wanted), ("next:  ", self.next_step))
        return "\n".join([self.what, *(f"  {name} {text}" for name, text in parts)])

    def __reduce__(self) -> tuple[object, ...]:
        return (
            _rebuild,
            (type(self), self.what, self.got, self.wanted, self.next_step),
        )


def _rebuild(
    kind: type[DistillBenchError], what: str, got: str, wanted: str, next_step: str
) -> DistillBenchError:
    """Unpickle an error: keyword-only arguments need this detour between processes."""
    return kind(what, got=got, wanted=wanted, next_step=next_step)


class UsageError(DistillBenchError):
    """Something the caller gave is wrong; found before any weight is read."""


class OptionError(UsageError):
    """A command-line option or ini key holds something that cannot be used."""


class ModelReferenceError(UsageError):
    """A model reference leads to no usable model."""


class QuestionFileError(UsageError):
    """A questions file cannot be used; the message names the file and the line."""


class ThresholdsError(UsageError):
    """thresholds.toml holds something that cannot be used."""


class CacheError(UsageError):
    """A cache file is no database, of another version, or holds values that cannot be right."""


class BaselineError(UsageError):
    """The document of an earlier run cannot be used."""


class ResultFileError(UsageError):
    """A file of results cannot be used: unreadable, of another version, or no valid document."""


class TrackerError(UsageError):
    """A tracking server cannot be reached, or does not take what it is told."""


class TrainingError(UsageError):
    """A training run that was waited for died, was not over in time, or left no usable model."""


class MeasurementError(DistillBenchError):
    """Something went wrong while measuring."""


class NotFiniteScoreError(MeasurementError):
    """A model answered with NaN or infinity; the message names the question."""


class ServerError(MeasurementError):
    """A server cannot be reached, fails, or answers what cannot be used."""


class MissingFigureError(MeasurementError):
    """A figure cannot be had of this model or on this machine; the others can."""


class WorkerError(MissingFigureError):
    """A measuring process ended without a result."""
