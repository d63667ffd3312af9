"""What a measuring process is asked, and how its values travel as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from distill_fixtures import errors
from distill_fixtures.errors import DistillBenchError
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.records import Undefined

__all__ = [
    "LONG_LOAD_S",
    "WARM_LOADS",
    "WorkerRequest",
    "error_from_json",
    "error_to_json",
    "value_from_json",
    "value_to_json",
]

WARM_LOADS = 3
"""Tell the time of a load; of a model that takes longer than the next, one does."""
LONG_LOAD_S = 10.0

ERROR_PARTS = ("what", "got", "wanted", "next_step")


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """One model to be measured alone.

    Attributes:
        model: what is measured.
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.
        prompts: the longest of them are continued while memory is watched.
        batch_sizes: one request of each size.
        new_tokens: tokens a sample.
        loads: warm loads that are timed.
    """

    model: ModelToLoad
    prompts: tuple[str, ...]
    device: str = "cpu"
    dtype: str = "float32"
    batch_sizes: tuple[int, ...] = (1,)
    new_tokens: int = 32
    loads: int = WARM_LOADS

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> WorkerRequest:
        tuples = {key: tuple(content[key]) for key in ("prompts", "batch_sizes")}
        return cls(**content | tuples | {"model": ModelToLoad(**content["model"])})


def value_to_json(value: float | Undefined) -> float | dict[str, str]:
    """A number, or the reason why there is none."""
    return {"undefined": value.reason} if isinstance(value, Undefined) else value


def value_from_json(value: Any) -> Any:
    return Undefined(value["undefined"]) if isinstance(value, dict) else value


def error_to_json(error: DistillBenchError) -> dict[str, str]:
    """A foreseen error, its class under ``error`` and its four parts."""
    parts = {part: str(getattr(error, part)) for part in ERROR_PARTS}
    return {"error": type(error).__name__, **parts}


def error_from_json(content: dict[str, Any]) -> DistillBenchError:
    """The error that the process met, of its own class.

    Raises:
        ValueError: it names no error of this package.
    """
    kind = getattr(errors, str(content["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, DistillBenchError)):
        raise ValueError(f"{content['error']!r} is no error of this package")
    try:
        what, got, wanted, next_step = (str(content[part]) for part in ERROR_PARTS)
    except KeyError as error:
        raise ValueError(f"an error without {error.args[0]}") from error
    return kind(what, got=got, wanted=wanted, next_step=next_step)
