"""What a run would cost on this machine: its real models tried for some seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from distill_fixtures.estimate.counting import Counted, Counter
from distill_fixtures.estimate.memory import LargestPass, peak_bytes
from distill_fixtures.estimate.model_size import weights_bytes, weights_of_counts
from distill_fixtures.estimate.record import ModelCost
from distill_fixtures.estimate.shape import shape_of_config
from distill_fixtures.estimate.trial import prove_way, time_passes, time_writing
from distill_fixtures.estimate.work import flops_of
from distill_fixtures.measure.processes.code_imports import import_code, rehearse
from distill_fixtures.measure.processes.process_looks import (
    ENOUGH_ROUNDS_PER_PROCESS,
    FEWEST_ROUNDS_PER_PROCESS,
    LOOKS,
    ROUNDS_PER_PROCESS,
)
from distill_fixtures.measure.scores.token_divergence import TEXTS_AT_ONCE, compare_tokens
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.measure.timing.expected import RoundsSeen, expected_timing
from distill_fixtures.measure.timing.interleaved import TimingPlan
from distill_fixtures.measure.timing.trial import predicted_round_s, try_rounds
from distill_fixtures.models.identity import counts_of_plan
from distill_fixtures.models.loading import load_model, load_tokenizer
from distill_fixtures.models.memory_needs import BYTES_OF_DTYPE
from distill_fixtures.models.model_limits import window_of_plan
from distill_fixtures.models.model_task import task_of_plan
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.plugin.asked_work import AskedWork, asked_work
from distill_fixtures.plugin.estimate_parts import whole_run
from distill_fixtures.plugin.measurements import TIMED_ROLES
from distill_fixtures.plugin.timing_plan import plan_timing
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import InProcessModel
    from distill_fixtures.plugin.estimate_parts import Bill
    from distill_fixtures.plugin.measuring import Subject
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.plugin.wanted_work import Wanted
    from distill_fixtures.records import Role

__all__ = ["EstimateHere"]

BUDGET_S = 4.0
"""For each trial: of a model's passes, and of each batch size's rounds."""

LOADS = 4
"""Of a model in the process that measures its memory: a cold one and three warm."""
LONG_LOAD_S = 10.0
"""There a model that loads for longer is loaded twice."""

START_S = 0.5
"""Of a fresh Python, before it imports anything."""

PAGE_S, PAGE_BYTES = 5.0, 100e6
"""Intervals, files, the page and its plots at the end: what they took on the machine on which the
suite was written, and the libraries that draw them."""

SERVED = Undefined("behind a server: not asked, as its answers may cost money")
USUAL_WINDOW = 2048


@dataclass
class _Known:
    """A model of which something is known.

    Attributes:
        model: loaded; None where nothing asks for it.
        load_s: that it took.
        batch_s: of a batch being written, by its size.
    """

    subject: Subject
    asked: AskedWork | None = None
    model: InProcessModel | None = None
    load_s: float = 0.0


class EstimateHere:
    """Estimates the runs of a session one after another.

    Args:
        bill: takes what is found.
        started_s: seconds that this process has lived until now, libraries of models not imported.
    """

    def __init__(self, bill: Bill, *, started_s: float) -> None:
        self._bill = bill
        self._clock = SystemClock()
        self._import_s: float | None = None
        self._shared: dict[tuple[Role, str, str], _Known] = {}
        self._billed: set[tuple[str, Role, str, str]] = set()
        self._compares = False
        bill.add("start, collection", started_s)

    def add(self, run: StudentRun, wanted: Wanted) -> None:
        """What one student's part of the session takes.

        Raises:
            DistillBenchError: what a run would end with too.
        """
        self._compares = wanted.tokens
        roles = tuple(dict.fromkeys((*wanted.answers, *wanted.loaded, *wanted.isolated)))
        known = {role: self._known(run, role) for role in roles}
        for role in wanted.answers:
            each = known[role]
            if each.asked is None and each.subject.plan.served is None:
                each.asked = asked_work(
                    run.store.questions.questions,
                    each.subject.scoring,
                    each.subject.kept,
                    each.subject.plan.reference,
                )
        for role, each in known.items():
            missing = each.asked is not None and each.asked.questions > 0
            if missing or role in (*wanted.loaded, *wanted.isolated):
                self._load(run, role, each)
        for role in wanted.answers:
            self._answers(run, role, known[role])
        for role in roles:
            if role not in wanted.answers:
                self._cost(run, role, known[role], None)
        self._timing(run, wanted, known)
        self._memory(run, wanted, known)
        self._bill.raise_peak(_peak_of_this_process())
        for role, each in known.items():
            if role == "student" and each.model is not None:
                each.model.close()
                each.model = None

    def close(self) -> None:
        """The end of the run, and of the models."""
        for each in self._shared.values():
            if each.model is not None:
                each.model.close()
        self._bill.add("intervals, files, page", PAGE_S)
        self._bill.raise_peak(_peak_of_this_process() + PAGE_BYTES)
        self._bill.assume(
            f"{PAGE_S:g} s for intervals, files and page, and {PAGE_BYTES / 1e6:g} MB for what "
            "draws them"
        )
        self._bill.assume(
            f"each model was tried for about {BUDGET_S:g} s: passes of its plan, fitted by "
            "a + b * tokens; rounds where some fit into that, else a few tokens of one"
        )
        self._bill.assume("files lie in the page cache, as they do after the trial")

    def _known(self, run: StudentRun, role: Role) -> _Known:
        key = _key(run, role)
        if key not in self._shared or role == "student":
            self._shared[key] = _Known(run.store.measuring.subject(role))
        return self._shared[key]

    def _load(self, run: StudentRun, role: Role, known: _Known) -> None:
        plan = known.subject.plan
        if plan.served is not None or known.model is not None:
            return
        device, dtype = run.store.timing_placement
        if self._import_s is None:
            start = self._clock.now()
            import_code(plan)
            rehearse(device.partition(":")[0])
            self._import_s = self._clock.now() - start
            self._bill.add("importing libraries", self._import_s)
        else:
            import_code(plan)
        start = self._clock.now()
        known.model = load_model(plan, device=device, dtype=dtype)
        known.load_s = self._clock.now() - start
        if self._is_new("load", run, role):
            self._bill.add("loading models", known.load_s)

    def _is_new(self, kind: str, run: StudentRun, role: Role) -> bool:
        """Whether this is not another student's share of the same work."""
        key = (kind, *_key(run, role))
        is_new = key not in self._billed
        self._billed.add(key)
        return is_new

    # Answers.

    def _answers(self, run: StudentRun, role: Role, known: _Known) -> None:
        part = f"answering questions: {role}"
        if known.subject.plan.served is not None:
            if self._is_new("answers", run, role):
                self._bill.add(part, SERVED)
                self._cost(run, role, known, None)
            return
        asked = known.asked
        assert asked is not None
        if not self._is_new("answers", run, role):
            return
        counted, seconds = None, 0.0
        if asked.questions and known.model is not None:
            counted, seconds = self._tried(run, known.model, known, asked)
        self._bill.add(part, asked.seconds + seconds)
        if asked.is_sampled:
            self._bill.assume("tokens are counted in every so many-th block of 1,024 questions")
        self._cost(run, role, known, counted)

    def _tried(
        self, run: StudentRun, model: InProcessModel, known: _Known, asked: AskedWork
    ) -> tuple[Counted, float]:
        """What answering comes to, and its seconds."""
        if asked.prompts:
            return self._written(run, model, known, asked)
        requests, done = asked.blocks[0]
        new = [each for place, each in enumerate(requests) if place not in done]
        prove_way(model, new)
        counter = _counter(known.subject, model, str(model.scoring_method))
        times = time_passes(
            model,
            new,
            lambda some: counter.scores(some).work.tokens,
            self._clock,
            budget_s=BUDGET_S,
        )
        counted, planning_s = asked.count(counter)
        passes = times.seconds(counted.work.passes, counted.work.tokens)
        return counted, planning_s + passes

    def _written(
        self, run: StudentRun, model: InProcessModel, known: _Known, asked: AskedWork
    ) -> tuple[Counted, float]:
        assert asked.settings is not None
        counter = _counter(known.subject, model)
        longest = max(counter.prompt_tokens(asked.prompts))
        window = window_of_plan(known.subject.plan) or USUAL_WINDOW
        times = time_writing(
            model, asked.prompts, asked.settings, self._clock, room=max(16, window - longest)
        )
        if times.at_limit:
            self._bill.note(
                f"answers of {known.subject.plan.reference} are taken to be as long as they may "
                f"be ({times.new_tokens:g} tokens): its time is an upper bound"
            )
        counted, planning_s = asked.count(counter, times.new_tokens)
        return counted, planning_s + times.seconds(asked.requests)

    def _cost(self, run: StudentRun, role: Role, known: _Known, counted: Counted | None) -> None:
        """Add the row of a model."""
        if not self._is_new("cost", run, role):
            return
        plan, asked = known.subject.plan, known.asked
        label = role if role != "student" or run.student.name is None else run.student.name
        if plan.served is not None:
            total = len(run.store.questions)
            row = ModelCost(label, plan.reference, SERVED, total, 0, SERVED, SERVED, SERVED)
            self._bill.note(
                f"{plan.reference} runs behind a server: what it computes, holds and takes is not "
                "known here"
            )
            self._bill.models.append(row)
            return
        counts = counts_of_plan(plan)
        config = (plan.base or plan).config
        if known.model is not None:
            config = {**config, **known.model.module.config.to_dict()}
        shape = shape_of_config(config)
        parameters = counts if isinstance(counts, Undefined) else counts.total
        if known.model is not None:
            parameters = known.model.card.parameters_total
        _, dtype = run.store.timing_placement
        tokens: float | Undefined = 0.0 if counted is None else counted.work.tokens
        flops: float | Undefined = 0.0
        memory: float | Undefined = Undefined("not known before it is loaded")
        if isinstance(counts, Undefined):
            flops = counts if tokens else 0.0
        else:
            if counted is not None:
                flops = flops_of(counted.work, weights_of_counts(plan, counts, shape), shape)
            held = weights_bytes(plan, counts, dtype)
            largest = LargestPass() if counted is None else counted.largest
            if shape is not None:
                device, _ = run.store.timing_placement
                compares = self._compares and role in TIMED_ROLES
                largest = whole_run(largest, run, shape, device=device, compares=compares)
            element = BYTES_OF_DTYPE.get(dtype, 2)
            memory = (
                held if isinstance(held, Undefined) else peak_bytes(held, shape, largest, element)
            )
        self._bill.models.append(
            ModelCost(
                label,
                plan.reference,
                parameters,
                0 if asked is None else asked.questions,
                0 if asked is None else asked.from_cache,
                tokens,
                flops,
                memory,
            )
        )

    # Times, memory.

    def _timing(self, run: StudentRun, wanted: Wanted, known: Mapping[Role, _Known]) -> None:
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
                models, prompts, plan, self._clock, batch_size=size, budget_s=BUDGET_S
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

    def _merged(self, run: StudentRun, role: Role, known: _Known, prompts: tuple[str, ...]) -> None:
        if known.model is None:
            return
        plan = replace(
            plan_timing(run.student.config, run.store.inputs.thresholds, 1), log_ratio_bounds=()
        )
        seen = try_rounds(
            {role: known.model}, prompts, plan, self._clock, batch_size=1, budget_s=BUDGET_S / 2
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
        tried, seconds = _compared(teacher, student, texts[middle : middle + 4], self._clock)
        batch = texts[middle : middle + TEXTS_AT_ONCE]
        rate = seconds / tried
        if rate * _padded(teacher, batch) < BUDGET_S:
            tried, seconds = _compared(teacher, student, batch, self._clock)
            rate = seconds / tried
        starts = range(0, len(texts), TEXTS_AT_ONCE)
        total = sum(_padded(teacher, texts[at : at + TEXTS_AT_ONCE]) for at in starts)
        self._bill.add(part, rate * total)

    def _processes(
        self,
        run: StudentRun,
        models: Mapping[str, InProcessModel],
        known: Mapping[Role, _Known],
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
        timed = expected_timing(plan, RoundsSeen(rounds, 0.0, 0.05)).seconds
        loads = sum(known[role].load_s for role in TIMED_ROLES)
        start = START_S + (self._import_s or 0.0)
        self._bill.add("timing in fresh processes", start + LOOKS[0] * (loads + timed))
        self._bill.assume(
            f"{LOOKS[0]} fresh processes settle the comparison with the baseline; it may take "
            f"{LOOKS[-1]}"
        )

    def _memory(self, run: StudentRun, wanted: Wanted, known: Mapping[Role, _Known]) -> None:
        config = run.student.config
        for role in wanted.isolated:
            part, each = f"memory and load time: {role}", known[role]
            if each.model is None:
                continue  # served: a process of its own would tell nothing
            if not self._is_new("isolated", run, role):
                continue
            loads = 2 if each.load_s > LONG_LOAD_S else LOADS
            longest = sorted(each.subject.prompts, key=len)[-1:]
            inference = sum(
                predicted_round_s(each.model, longest * size, config.new_tokens, self._clock, size)
                for size in config.batch_sizes
            )
            start = START_S + (self._import_s or 0.0)
            self._bill.add(part, start + loads * each.load_s + inference)


def _key(run: StudentRun, role: Role) -> tuple[Role, str, str]:
    inputs = run.store.inputs
    return role, inputs.plans[role].reference, f"{inputs.scoring} {inputs.questions.digest}"


def _counter(subject: Subject, model: InProcessModel, way: str = "packed") -> Counter:
    return Counter(
        load_tokenizer(subject.plan),
        task_of_plan(subject.plan),
        window=window_of_plan(subject.plan) or USUAL_WINDOW,
        budget_tokens=usual_budget(model.module.device.type),
        way=way,
    )


def _compared(
    teacher: InProcessModel, student: InProcessModel, texts: list[str], clock: SystemClock
) -> tuple[int, float]:
    """Tokens, padding included, and seconds."""
    start = clock.now()
    compare_tokens(teacher, student, texts)
    return _padded(teacher, texts), clock.now() - start


def _padded(model: InProcessModel, texts: Iterable[str]) -> int:
    lengths = [model.count_tokens(text) + 1 for text in texts]
    return len(lengths) * max(lengths)


def _peak_of_this_process() -> float:
    """Most resident memory so far; where the system keeps no mark of it, what is resident now."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().rss)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)
