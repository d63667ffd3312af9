"""Reading thresholds.toml. Anything doubtful in it is an error, never a guess."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from distill_fixtures.catalog import CATALOG, nearest
from distill_fixtures.errors import ThresholdsError
from distill_fixtures.judge.criteria import (
    EVERY,
    SLICE_KINDS,
    Criterion,
    Gate,
    Grade,
    Slice,
    Thresholds,
)
from distill_fixtures.metrics.sections import why_not_compared, why_not_gradable, why_not_sliced
from distill_fixtures.tasks.input_file import (
    did_you_mean,
    read_toml,
    shorten,
    shown_value,
)

__all__ = ["criteria_of_student", "find_thresholds", "package_thresholds", "read_thresholds"]

FILE_NAME = "thresholds.toml"
MOST_FILE_BYTES = 2**20
GATED_GRADES: tuple[Grade, ...] = ("acceptable", "poor", "not_judged")
BORDERLINE = ("pass", "fail")
_HELP = "docs/thresholds.md describes every key"


def package_thresholds() -> Path:
    """The shipped thresholds: inside an installed package, or at the top of a clone."""
    package = Path(__file__).resolve().parents[1]
    installed = package / FILE_NAME
    return installed if installed.exists() else package.parent / FILE_NAME


def find_thresholds(given: Path | None, root: Path) -> Path:
    """The file to read: the one given, else ``root``'s own, else the shipped one."""
    if given is not None:
        return given
    own = root / FILE_NAME
    return own if own.exists() else package_thresholds()


def read_thresholds(path: Path) -> Thresholds:
    """Read and check a thresholds file.

    Raises:
        ThresholdsError: the file cannot be read or parsed, names an unknown metric or key, or
            holds a bound that is no finite number or stands the wrong way round. The message
            names the file, the key and the nearest known name.
    """
    document = read_toml(
        path,
        limit_bytes=MOST_FILE_BYTES,
        what="the thresholds file",
        error=ThresholdsError,
        wanted="a file as in docs/thresholds.md",
        next_step="correct the place that the message names",
    )
    return _Reader(path).thresholds(document)


def criteria_of_student(
    path: Path, tables: Mapping[str, Any], student: str, where: str
) -> tuple[Criterion, ...]:
    """One student's own criteria, out of another file than thresholds.toml.

    Args:
        path: that file, for messages.
        tables: sections by metric, as below ``[criteria]``.
        student: what it is called.
        where: the place in the file, for messages.

    Raises:
        ThresholdsError: as from ``read_thresholds``.
    """
    return tuple(_Reader(path)._criteria(tables, where, student))


class _Reader:
    """Checks one parsed file; every refusal names the file and the key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def thresholds(self, document: Mapping[str, Any]) -> Thresholds:
        self._known_keys(document, ("criteria", "gate", "regression", "student"), "")
        criteria = list(self._criteria(self._table(document, "criteria", ""), "criteria", None))
        for student, section in self._table(document, "student", "").items():
            where = f'student."{shorten(student)}"'
            self._known_keys(self._as_table(section, where), ("criteria",), where)
            own = self._table(section, "criteria", where)
            criteria += self._criteria(own, f"{where}.criteria", student)
        return Thresholds(
            path=self._path,
            criteria=tuple(criteria),
            gate=self._gate(self._table(document, "gate", "")),
            regression_tolerance_pct=self._regression(self._table(document, "regression", "")),
        )

    def _criteria(
        self, tables: Mapping[str, Any], where: str, student: str | None
    ) -> Iterator[Criterion]:
        for metric, section in tables.items():
            place = f"{where}.{shorten(metric)}"
            self._check_metric(metric, place)
            table = self._as_table(section, place)
            self._known_keys(table, ("good", "poor", *SLICE_KINDS), place)
            slices = [kind for kind in SLICE_KINDS if kind in table]
            whole = why_not_sliced(metric)
            if slices and whole is not None:
                self._refuse(
                    f"[{place}.{slices[0]}]",
                    "cannot be judged by slice",
                    f"{metric}: {whole}",
                    "a metric that comes from answers",
                )
            if "good" in table or "poor" in table or not slices:
                good, poor = self._bounds(metric, table, place)
                yield Criterion(metric, good, poor, None, student)
            for kind in slices:
                for name, part in self._table(table, kind, place).items():
                    part_place = f'{place}.{kind}."{shorten(name)}"'
                    part_table = self._as_table(part, part_place)
                    self._known_keys(part_table, ("good", "poor"), part_place)
                    good, poor = self._bounds(metric, part_table, part_place)
                    part_slice = Slice(kind, name)
                    yield Criterion(metric, good, poor, part_slice, student, name == EVERY)

    def _check_metric(self, name: str, place: str) -> None:
        if name not in CATALOG:
            near = nearest(name)
            self._refuse(
                f"[{place}]",
                "names no metric",
                repr(shorten(name)),
                "a metric of the catalogue" + (f"; did you mean {near!r}?" if near else ""),
                "`distill-bench metrics` lists them",
            )
        reason = why_not_gradable(name)
        if reason is not None:
            self._refuse(
                f"[{place}]",
                "cannot have bounds",
                f"{name!r}: {reason}",
                "a metric that is one number and has a better direction",
                "`distill-bench metrics` lists them",
            )

    def _bounds(self, metric: str, table: Mapping[str, Any], place: str) -> tuple[float, float]:
        for key in ("good", "poor"):
            if key not in table:
                self._refuse(
                    f"[{place}]",
                    f"lacks {key!r}",
                    "only " + ", ".join(table) if table else "no bound",
                    "both 'good' and 'poor'",
                )
        good = self._number(table["good"], f"{place}.good")
        poor = self._number(table["poor"], f"{place}.poor")
        direction = CATALOG[metric].direction
        if (good < poor) if direction == "higher" else (good > poor):
            self._refuse(
                f"[{place}]",
                "has its bounds the wrong way round",
                f"good = {good:g}, poor = {poor:g}",
                f"good {'at least' if direction == 'higher' else 'at most'} poor, because "
                f"{direction} is better",
                "swap the two numbers",
            )
        return good, poor

    def _gate(self, table: Mapping[str, Any]) -> Gate:
        self._known_keys(table, ("fail_on", "borderline"), "gate")
        default = Gate()
        fail_on = table.get("fail_on", list(default.fail_on))
        if not isinstance(fail_on, list):
            self._refuse(
                "gate.fail_on", "is no list", shown_value(fail_on), 'a list such as ["poor"]'
            )
        for grade in fail_on:
            if grade not in GATED_GRADES:
                near = did_you_mean(grade, GATED_GRADES) if isinstance(grade, str) else ""
                self._refuse(
                    "gate.fail_on",
                    "holds what is no grade that can fail a run",
                    shown_value(grade),
                    "any of " + ", ".join(GATED_GRADES) + near,
                )
        borderline = table.get("borderline", default.borderline)
        if borderline not in BORDERLINE:
            near = did_you_mean(borderline, BORDERLINE) if isinstance(borderline, str) else ""
            wanted = '"pass" or "fail"' + near
            self._refuse("gate.borderline", "cannot be used", shown_value(borderline), wanted)
        return Gate(tuple(dict.fromkeys(fail_on)), borderline)

    def _regression(self, tables: Mapping[str, Any]) -> Mapping[str, float]:
        tolerances: dict[str, float] = {}
        for metric, section in tables.items():
            place = f"regression.{shorten(metric)}"
            self._check_metric(metric, place)
            reason = why_not_compared(metric)
            if reason is not None:
                self._refuse(
                    f"[{place}]",
                    "cannot be compared with a baseline",
                    f"{metric}: {reason}",
                    "a metric that compares between runs",
                )
            table = self._as_table(section, place)
            self._known_keys(table, ("tolerance_pct",), place)
            if "tolerance_pct" not in table:
                self._refuse(f"[{place}]", "lacks 'tolerance_pct'", "no key", "tolerance_pct")
            tolerance = self._number(table["tolerance_pct"], f"{place}.tolerance_pct")
            if not 0 <= tolerance < 100:
                self._refuse(
                    f"{place}.tolerance_pct",
                    "is no tolerance",
                    f"{tolerance:g}",
                    "from 0 to less than 100",
                )
            tolerances[metric] = tolerance
        return MappingProxyType(tolerances)

    def _number(self, value: Any, place: str) -> float:
        number = math.nan
        if isinstance(value, int | float) and not isinstance(value, bool):
            # An integer can be too large for a float; so large a bound is no bound.
            number = float(value) if abs(value) <= 1e300 else math.inf
        if not math.isfinite(number):
            got = shown_value(value)
            self._refuse(place, "is no finite number", got, "a number such as 85.0, unquoted")
        return number

    def _table(self, parent: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        return self._as_table(parent.get(key, {}), f"{where}.{key}" if where else key)

    def _as_table(self, value: Any, place: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self._refuse(place, "is no section", shown_value(value), f"a section [{place}]")
        return value

    def _known_keys(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        names = tuple(known)
        for key in table:
            if key not in names:
                self._refuse(
                    f"[{where}]" if where else "the top level",
                    "has an unknown key",
                    repr(shorten(key)),
                    "one of " + ", ".join(names) + did_you_mean(key, names),
                )

    def _refuse(
        self, place: str, fault: str, got: str, wanted: str, next_step: str = _HELP
    ) -> NoReturn:
        raise ThresholdsError(
            f"{self._path}: {place} {fault}", got=got, wanted=wanted, next_step=next_step
        )
