"""What the session measured, and what it comes to.

Tests, verdicts and documents all ask here; so every test runs alone and in any order, and all
figures agree.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from distill_fixtures.errors import MissingFigureError
from distill_fixtures.metrics import recordings
from distill_fixtures.metrics.section import undefined_section
from distill_fixtures.metrics.sections import MODEL_SECTIONS, PAIR_SECTIONS
from distill_fixtures.plugin.measurements import TIMED_ROLES, Measurements
from distill_fixtures.records import Role

if TYPE_CHECKING:
    from distill_fixtures.metrics.section import Section

__all__ = ["TIMED_ROLES", "SessionStore"]

OF_ANSWERS = frozenset(
    ("accuracy", "retention", "slices", "fidelity", "control", "efficacy", "efficiency")
)
"""Sections that need answers."""


class SessionStore(Measurements):
    """Sections of figures over the session's measurements; takes those that a section needs."""

    @cached_property
    def _sections(self) -> dict[tuple[str, ...], Section]:
        return {}

    def model_section(self, role: Role, name: str) -> Section:
        """A section of one model; measures what it needs."""
        self._demand(name, (role,))
        return self._section(("model", role, name))

    def pair_section(self, name: str) -> Section:
        """A section of student against teacher; measures what it needs."""
        self._demand(name, self._roles_of_pair(name))
        return self._section(("pair", name))

    def known_model_section(self, role: Role, name: str) -> Section:
        """A section of one model from what was measured so far; measures nothing."""
        key = ("model", role, name)
        return self._sections.get(key) or self._computed(key)

    def known_pair_section(self, name: str) -> Section:
        """A section of the pair from what was measured so far; measures nothing."""
        return self._sections.get(("pair", name)) or self._computed(("pair", name))

    def sliced_section(self, name: str, kind: str, slice_name: str, *, pair: bool) -> Section:
        """A section over the questions of one subdomain or question type; measures what it needs.

        Args:
            name: one of the sections that can be sliced.
            kind: ``subdomain`` or ``question_type``.
            slice_name: the one.
            pair: student against teacher, else the student's own.
        """
        self._demand(name, self._roles_of_pair(name) if pair else ("student",))
        part = self.recordings().slice(kind, slice_name)
        if not part.questions:
            names = (PAIR_SECTIONS if pair else MODEL_SECTIONS)[name]
            return undefined_section(names, f"no question has the {kind} {slice_name!r}")
        if pair:
            return recordings.pair_section(part, name)
        return recordings.model_section(part, "student", name)

    def _roles_of_pair(self, name: str) -> tuple[Role, ...]:
        """Whose measurements a section of the pair needs."""
        if name == "control" and "control" in self.roles:
            return (*TIMED_ROLES, "control")
        return TIMED_ROLES

    def _demand(self, name: str, roles: tuple[Role, ...]) -> None:
        """Measure what a section needs."""
        for role in roles:
            if name in ("size", "efficiency"):
                self.card(role)
            if name in OF_ANSWERS:
                self.answers(role)
            if name in ("load", "memory"):
                self.isolated(role)
            if name == "latency":
                # Remembered as the reason why there are no characters a second.
                with suppress(MissingFigureError):
                    self.characters_per_token(role)
            if name == "merged":
                self.merged_timing(role)
        if name == "latency":
            self.rounds(1)
        if name == "throughput":
            for size in self.config.batch_sizes:
                self.rounds(size)
        if name == "tokens":
            self.token_comparison()

    def _section(self, key: tuple[str, ...]) -> Section:
        if key not in self._sections:
            self._sections[key] = self._computed(key)
        return self._sections[key]

    def _computed(self, key: tuple[str, ...]) -> Section:
        """A section from what was measured so far, timed."""
        known = self.recordings()
        start = time.perf_counter()
        if key[0] == "model":
            section = recordings.model_section(known, key[1], key[2])  # type: ignore[arg-type]
        else:
            section = recordings.pair_section(known, key[1])
        return replace(section, computing_s=time.perf_counter() - start)
