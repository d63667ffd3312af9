"""What timing and memory take on this machine, from a few rounds of the loaded models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from distill_fixtures.measure.processes.process_looks import (
    ENOUGH_ROUNDS_PER_PROCESS,
    FEWEST_ROUNDS_PER_PROCESS,
    LOOKS,
    ROUNDS_PER_PROCESS,
)
from distill_fixtures.measure.processes.worker_report import LONG_LOAD_S, WARM_LOADS
from distill_fixtures.measure.scores.token_divergence import TEXTS_AT_ONCE, compare_tokens
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.expected import RoundsSeen, expected_timing
from distill_fixtures.measure.timing.interleaved import TimingPlan
from distill_fixtures.measure.timing.trial import USUAL_SPREAD, predicted_round_s, try_rounds
from distill_fixtures.plugin.estimate_model import SERVED, KnownModel
from distill_fixtures.plugin.estimate_parts import peak_of_this_process
from distill_fixtures.plugin.measurements import TIMED_ROLES
from distill_fixtures.plugin.timing_plan import plan_timing

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import InProcessModel
    from distill_fixtures.plugin.estimate_parts import Bill
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.plugin.wanted_work import Wanted
    from distill_fixtures.records import Role

__all__ = ["BUDGET_S", "ROUNDS_BUDGET_S", "TimedParts"]

BUDGET_S = 4.0
"""For the trial of a model's passes."""
ROUNDS_BUDGET_S = 10.0
"""For that of each batch size's rounds: fewer tell too little of how they scatter."""


FEW_TEXTS = 4
READ_COPIES = 3
"""Distributions over the vocabulary that are there while next tokens are compared: one model's, and
another's as logits and as log-probabilities."""


class TimedParts:
    """Estimates what is timed.

    Args:
        bill: takes what is found.
        clock: by which it is tried.

    Attributes:
        process_start_s: of a fresh process with the models' libraries imported.
    """

    def __init__(self, bill: Bill, clock: SystemClock) -> None:
        self._bill = bill
        self._clock = clock
        self.process_start_s = 0.0

    def add(self, run: StudentRun, wanted: Wanted, known: Mapping[Role, KnownModel]) -> None:
        """Everything that one student's part of the session times in this process and others."""
        timed = {role: known[role].model for role in TIMED_ROLES if role in known}
        models = {str(role): model for role, model in timed.items() if model is not None}
        prompts = next((each.subject.prompts for each in known.values()), ())
        for size in wanted.batch_sizes:
            part = f"timing, batch size {size}"
            if len(models) < len(TIMED_ROLES):
                self._bill.add(part, SERVED)
                continue
            plan = plan_timing(run.student.config, run.store.inputs.thresholds, size)
            seen = try_rounds(
                models, prompts, plan, self._clock, batch_size=size, budget_s=ROUNDS_BUDGET_S
            )
            expected = expected_timing(plan, seen)
            self._bill.add(part, expected.seconds)
            self._bill.assume(f"{expected.rounds} rounds a model at batch size {size}")
        for role in wanted.merged:
            self._merged(run, role, known[role], prompts)
        if wanted.tokens:
            self._tokens(run, models)
        if wanted.processes and len(models) == len(TIMED_ROLES):
            self._processes(run, models, known, prompts)

    def _merged(
        self, run: StudentRun, role: Role, known: KnownModel, prompts: tuple[str, ...]
    ) -> None:
        if known.model is None:
            return
        plan = replace(
            plan_timing(run.student.config, run.store.inputs.thresholds, 1), log_ratio_bounds=()
        )
        seen = try_rounds(
            {role: known.model},
            prompts,
            plan,
            self._clock,
            batch_size=1,
            budget_s=ROUNDS_BUDGET_S / 2,
        )
        both = RoundsSeen(seen.seconds * 2, 0.0, seen.spread)
        seconds = known.load_s + expected_timing(plan, both).seconds
        self._bill.add("adapters merged, and timed", seconds)

    def _tokens(self, run: StudentRun, models: Mapping[str, InProcessModel]) -> None:
        part = "comparing next tokens"
        if len(models) < len(TIMED_ROLES):
            return  # undefined at once: a server does not say its distribution
        texts = [question.question for question in run.store.questions.questions]
        middle = max(0, len(texts) // 2 - TEXTS_AT_ONCE // 2)
        teacher, student = models["teacher"], models["student"]
        batch = texts[middle : middle + TEXTS_AT_ONCE]
        compare_tokens(teacher, student, batch[:1])  # touches memory for the first time
        seconds = _compared_s(teacher, student, batch[:FEW_TEXTS], self._clock)
        rate = seconds / _size(teacher, batch[:FEW_TEXTS])
        if rate * _size(teacher, batch) < 2 * BUDGET_S:
            seconds = _compared_s(teacher, student, batch, self._clock)
            rate = seconds / _size(teacher, batch)
        else:
            more = _padded(teacher, batch) - _padded(teacher, batch[:FEW_TEXTS])
            self._bill.raise_peak(peak_of_this_process() + _read_bytes(teacher, more))
        starts = range(0, len(texts), TEXTS_AT_ONCE)
        total = sum(_size(teacher, texts[at : at + TEXTS_AT_ONCE]) for at in starts)
        self._bill.add(part, rate * total)

    def _processes(
        self,
        run: StudentRun,
        models: Mapping[str, InProcessModel],
        known: Mapping[Role, KnownModel],
        prompts: tuple[str, ...],
    ) -> None:
        config = run.student.config
        one = sorted(prompts, key=len)[len(prompts) // 2 :][:1]
        rounds = tuple(
            predicted_round_s(model, one, config.new_tokens, self._clock, 1)
            for model in models.values()
        )
        plan = TimingPlan(
            new_tokens=config.new_tokens,
            min_rounds=ENOUGH_ROUNDS_PER_PROCESS,
            max_rounds=ROUNDS_PER_PROCESS,
            max_seconds=2 * config.max_seconds / LOOKS[-1],
            fewest_passes=FEWEST_ROUNDS_PER_PROCESS,
        )
        timed = expected_timing(plan, RoundsSeen(rounds, 0.0, USUAL_SPREAD)).seconds
        loads = sum(known[role].load_s for role in TIMED_ROLES)
        self._bill.add(
            "timing in fresh processes", self.process_start_s + LOOKS[0] * (loads + timed)
        )
        self._bill.assume(
            f"{LOOKS[0]} fresh processes settle the comparison with the baseline; it may take "
            f"{LOOKS[-1]}"
        )

    def add_memory(self, run: StudentRun, role: Role, known: KnownModel) -> None:
        """The process that measures a model's memory and load time; none of a served one."""
        if known.model is None:
            return
        config = run.student.config
        warm = 1 if known.load_s > LONG_LOAD_S else WARM_LOADS
        longest = sorted(known.subject.prompts, key=len)[-1:]
        inference = sum(
            predicted_round_s(known.model, longest * size, config.new_tokens, self._clock, size)
            for size in config.batch_sizes
        )
        part = f"memory and load time: {role}"
        self._bill.add(part, self.process_start_s + (1 + warm) * known.load_s + inference)


def _compared_s(
    teacher: InProcessModel, student: InProcessModel, texts: list[str], clock: SystemClock
) -> float:
    start = clock.now()
    compare_tokens(teacher, student, texts)
    return clock.now() - start


def _size(model: InProcessModel, texts: list[str]) -> int:
    """What comparing texts in one batch takes, in tokens: models read padding too, distributions
    are held against each other without it, and either is about half of the work."""
    return _padded(model, texts) + sum(map(model.count_tokens, texts))


def _padded(model: InProcessModel, texts: Iterable[str]) -> int:
    lengths = [model.count_tokens(text) + 1 for text in texts]
    return len(lengths) * max(lengths)


def _read_bytes(model: InProcessModel, tokens: int) -> float:
    """Of the distributions of so many tokens in float32."""
    rows: int = model.module.get_input_embeddings().weight.shape[0]
    return 4.0 * READ_COPIES * max(0, tokens) * rows
