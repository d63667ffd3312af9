"""The one catalogue of metrics: name, label, unit, direction, definition, source.

JSON keys, thresholds, tables, plots and ``docs/metrics.md`` all read it here; nothing else in the
package states a unit or a direction. The entries themselves are data, in ``catalog.toml``, one
table per family.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from distill_fixtures.records import Undefined

__all__ = [
    "CATALOG",
    "FAMILIES",
    "Direction",
    "IntervalMethod",
    "Metric",
    "Origin",
    "Scope",
    "UnknownMetricError",
    "format_value",
    "metric",
    "nearest",
]

Direction = Literal["higher", "lower", "none"]
Family = Literal[
    "size", "accuracy", "fidelity", "latency", "throughput", "memory", "retention", "efficiency"
]
Scope = Literal["model", "pair", "dataset"]
Origin = Literal["answers", "time", "size", "memory"]
KeyedBy = Literal["batch_size", "model", "slice", "position", "bound", "figure"]
IntervalMethod = Literal["wilson", "cells", "fieller", "questions", "rounds"]

FAMILIES: tuple[Family, ...] = (
    "size",
    "accuracy",
    "fidelity",
    "latency",
    "throughput",
    "memory",
    "retention",
    "efficiency",
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: the key in the JSON documents and in thresholds.
        label: its name for people. Only an alias shares its label with another metric.
        unit: of the value as stored, SI: ``bytes``, ``s``, ``%`` (0 to 100), ``fraction``
            (0 to 1), ``fraction difference`` (-1 to 1) and so on.
        direction: which way is better; ``none`` where neither is.
        family: the part of the suite that measures it.
        scope: ``model`` (each model has one), ``pair`` (student against teacher, or against the
            control) or ``dataset``.
        origin: what it comes from. ``answers``: the same in every run, graded by value; ``time``:
            graded by its interval; ``size``; ``memory``.
        definition: words and formula.
        source: paper or standard; empty where the definition is this suite's own.
        keyed_by: what the keys are where the value is a mapping (or ``bound``: a pair
            [low, high]); None for a plain number.
        interval: how its 95 % interval is taken; None where it has none.
        alias_of: the metric that this one repeats under another key or in another unit.
    """

    name: str
    label: str
    unit: str
    direction: Direction
    family: Family
    scope: Scope
    origin: Origin
    definition: str
    source: str = ""
    keyed_by: KeyedBy | None = None
    interval: IntervalMethod | None = None
    alias_of: str | None = None

    @property
    def keyed(self) -> bool:
        """True where the value is no plain number, so that no single threshold fits it."""
        return self.keyed_by is not None


class UnknownMetricError(KeyError):
    """No metric has this name.

    Attributes:
        name: the name that was asked for.
        nearest: the known name most like it, or None.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.nearest = nearest(name)
        super().__init__(name)

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.name!r} is not a metric{hint} `distill-bench metrics` lists them"


def _read_catalog() -> Mapping[str, Metric]:
    text = Path(__file__).with_name("catalog.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    if tuple(tables) != FAMILIES:
        raise ValueError(f"catalog.toml has the families {tuple(tables)}, not {FAMILIES}")
    entries: dict[str, Metric] = {}
    for family in FAMILIES:
        for name, fields in tables[family].items():
            if name in entries:
                raise ValueError(f"catalog.toml defines {name!r} in two families")
            words = " ".join(fields.pop("definition").split())
            entries[name] = Metric(name=name, family=family, definition=words, **fields)
    return MappingProxyType(entries)


CATALOG: Mapping[str, Metric] = _read_catalog()
"""Every metric by name, in the order in which people read them."""


def metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        UnknownMetricError: there is none; it carries the nearest known name.

    >>> metric("speedup").direction
    'higher'
    >>> metric("acuracy_retention_pct")
    Traceback (most recent call last):
    distill_fixtures.catalog.UnknownMetricError: 'acuracy_retention_pct' is not a metric; did you \
mean 'accuracy_retention_pct'? `distill-bench metrics` lists them
    """
    try:
        return CATALOG[name]
    except KeyError:
        raise UnknownMetricError(name) from None


def nearest(name: str) -> str | None:
    """The known metric whose name is most like ``name``, or None when none is.

    >>> nearest("sped_up")
    'speedup'
    >>> nearest("qqqq") is None
    True
    """
    close = difflib.get_close_matches(name, CATALOG, n=1, cutoff=0.5)
    return close[0] if close else None


MISSING = "—"

Value = float | Undefined | None


def format_value(name: str, value: Value | Mapping[str, float]) -> str:
    """A metric's value for people: SI inside, milliseconds and MB here.

    A missing value (None or ``Undefined``) is a dash; a mapping becomes ``key: value`` pairs.

    Raises:
        UnknownMetricError: there is no such metric.

    >>> format_value("disk_bytes", 17_300_000)
    '17.3 MB'
    >>> format_value("ttft_s", 0.0123)
    '12.3 ms'
    >>> format_value("accuracy", 0.8125)
    '81.2 %'
    >>> format_value("accuracy_delta", 0.031)
    '+3.1 points'
    >>> format_value("throughput_gain", {"1": 2.5, "8": 3.25})
    '1: 2.50x, 8: 3.25x'
    """
    unit = metric(name).unit
    if value is None or isinstance(value, Undefined):
        return MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_format_number(unit, each)}" for key, each in value.items())
    return _format_number(unit, value)


def _format_number(unit: str, value: float) -> str:
    if unit == "bytes":
        return _scaled(value, (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)))
    if unit == "parameters":
        return _scaled(value, (("billion", 1e9), ("million", 1e6), ("", 1.0)))
    if unit == "s":
        return _scaled(value, (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)))
    if unit == "fraction difference":
        return f"{100 * value:+.1f} points"
    if unit == "fraction":
        return f"{100 * value:.1f} %"
    if unit == "%":
        return f"{value:.1f} %"
    if unit == "ratio":
        return f"{value:.2f}x"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "index":
        return _significant(value)
    return f"{_significant(value)} {unit}"


def _scaled(value: float, scales: tuple[tuple[str, float], ...]) -> str:
    """``value`` in the largest scale that leaves at least 1, with three significant digits."""
    suffix, factor = next((each for each in scales if abs(value) >= each[1]), scales[-1])
    return f"{_significant(value / factor)} {suffix}".rstrip()


def _significant(value: float) -> str:
    if value != 0 and abs(value) < 0.001:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if value else "0"
