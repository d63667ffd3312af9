"""What a run would cost on this machine: its real models tried for some seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distill_fixtures.estimate.counting import Counted, Counter
from distill_fixtures.estimate.trial import prove_way, time_passes, time_writing
from distill_fixtures.measure.processes.code_imports import import_code, rehearse
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.loading import load_model, load_tokenizer
from distill_fixtures.models.model_task import task_of_plan
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.plugin.asked_work import AskedWork, asked_work
from distill_fixtures.plugin.estimate_model import SERVED, KnownModel, model_row
from distill_fixtures.plugin.estimate_parts import peak_of_this_process, usual_window
from distill_fixtures.plugin.estimate_timing import BUDGET_S, ROUNDS_BUDGET_S, TimedParts
from distill_fixtures.plugin.measurements import TIMED_ROLES

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import InProcessModel
    from distill_fixtures.plugin.asked_models import Subject
    from distill_fixtures.plugin.estimate_parts import Bill
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.plugin.wanted_work import Wanted
    from distill_fixtures.records import Role

__all__ = ["EstimateHere"]

PAGE_S, PAGE_BYTES = 9.0, 100e6
"""Intervals, files, the page and its plots at the end, and the libraries that draw them. The time
is what three runs of ``studies.estimate_check`` spent outside all measurements, 9 to 13 s on a busy
machine with two cores; the memory is a guess."""


class EstimateHere:
    """Estimates the runs of a session one after another.

    Args:
        bill: takes what is found.
        started_s: seconds that this process has lived until now, libraries of models not imported.
    """

    def __init__(self, bill: Bill, *, started_s: float) -> None:
        self._bill = bill
        self._clock = SystemClock()
        self._timed = TimedParts(bill, self._clock)
        self._started_s = started_s
        self._has_imported = False
        self._shared: dict[tuple[Role, str, str], KnownModel] = {}
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
                self._load(run, role, each, is_work=missing or role in wanted.loaded)
        for role in wanted.answers:
            self._answers(run, role, known[role])
        for role in roles:
            if role not in wanted.answers:
                self._cost(run, role, known[role], None)
        self._timed.add(run, wanted, known)
        for role in wanted.isolated:
            if self._is_new("isolated", run, role):
                self._timed.add_memory(run, role, known[role])
        self._bill.raise_peak(peak_of_this_process())
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
        self._bill.raise_peak(peak_of_this_process() + PAGE_BYTES)
        self._bill.assume(
            f"{PAGE_S:g} s for intervals, files and page, and {PAGE_BYTES / 1e6:g} MB for what "
            "draws them"
        )
        self._bill.assume(
            f"each model was tried for about {BUDGET_S:g} s: passes of its plan, fitted by "
            f"a + b * tokens; rounds where some fit into {ROUNDS_BUDGET_S:g} s, else a few tokens "
            "of one"
        )
        self._bill.assume("files lie in the page cache, as they do after the trial")

    def _known(self, run: StudentRun, role: Role) -> KnownModel:
        key = _key(run, role)
        if key not in self._shared or role == "student":
            self._shared[key] = KnownModel(run.store.measuring.asked.subject(role))
        return self._shared[key]

    def _load(self, run: StudentRun, role: Role, known: KnownModel, *, is_work: bool) -> None:
        """Load a model for its trial.

        Args:
            is_work: the run loads it into its own process too.
        """
        plan = known.subject.plan
        if plan.served is not None or known.model is not None:
            return
        device, dtype = run.store.timing_placement
        if not self._has_imported:
            self._has_imported = True
            start = self._clock.now()
            import_code(plan)
            rehearse(device.partition(":")[0])
            import_s = self._clock.now() - start
            self._bill.add("importing libraries", import_s)
            # A fresh process imports what this one had imported before, too.
            self._timed.process_start_s = self._started_s + import_s
        start = self._clock.now()
        known.model = load_model(plan, device=device, dtype=dtype)
        known.load_s = self._clock.now() - start
        if is_work and self._is_new("load", run, role):
            self._bill.add("loading models", known.load_s)

    def _cost(
        self, run: StudentRun, role: Role, known: KnownModel, counted: Counted | None
    ) -> None:
        if not self._is_new("cost", run, role):
            return
        compares = self._compares and role in TIMED_ROLES
        self._bill.models.append(model_row(run, role, known, counted, compares=compares))
        if known.subject.plan.served is not None:
            self._bill.note(
                f"{known.subject.plan.reference} runs behind a server: what it computes, holds and "
                "takes is not known here"
            )

    def _is_new(self, kind: str, run: StudentRun, role: Role) -> bool:
        """Whether this is not another student's share of the same work."""
        return self._bill.is_new(kind, *_key(run, role))

    # Answers.

    def _answers(self, run: StudentRun, role: Role, known: KnownModel) -> None:
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
        self, run: StudentRun, model: InProcessModel, known: KnownModel, asked: AskedWork
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
        self, run: StudentRun, model: InProcessModel, known: KnownModel, asked: AskedWork
    ) -> tuple[Counted, float]:
        assert asked.settings is not None
        counter = _counter(known.subject, model)
        longest = max(counter.prompt_tokens(asked.prompts))
        window = usual_window(known.subject.plan)
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


def _key(run: StudentRun, role: Role) -> tuple[Role, str, str]:
    inputs = run.store.inputs
    return role, inputs.plans[role].reference, f"{inputs.scoring} {inputs.questions.digest}"


def _counter(subject: Subject, model: InProcessModel, way: str = "packed") -> Counter:
    return Counter(
        load_tokenizer(subject.plan),
        task_of_plan(subject.plan),
        window=usual_window(subject.plan),
        budget_tokens=usual_budget(model.module.device.type),
        way=way,
    )
