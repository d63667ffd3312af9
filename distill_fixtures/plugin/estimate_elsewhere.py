"""What a run would cost on hardware that is not here: no weight is read, nothing is timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distill_fixtures.errors import MeasurementError
from distill_fixtures.estimate.counting import Counted, Counter
from distill_fixtures.estimate.memory import LargestPass, cache_bytes
from distill_fixtures.estimate.record import ModelCost
from distill_fixtures.estimate.roofline import ASSUMED, Fit, fit_on
from distill_fixtures.estimate.work import Work, flops_of
from distill_fixtures.measure.timing.expected import RoundsSeen, expected_timing
from distill_fixtures.measure.timing.rounds import full_batches
from distill_fixtures.models.loading import load_tokenizer
from distill_fixtures.models.model_task import task_of_plan
from distill_fixtures.models.packing import usual_budget
from distill_fixtures.plugin.asked_work import AskedWork, asked_work
from distill_fixtures.plugin.estimate_parts import label_of, usual_window
from distill_fixtures.plugin.estimate_sized import (
    LAYER_S,
    READ_BYTES_PER_S,
    SizedModel,
    sized_model,
)
from distill_fixtures.plugin.measurements import TIMED_ROLES
from distill_fixtures.plugin.timing_plan import plan_timing
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.estimate.targets import Target
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.plugin.estimate_parts import Bill
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.plugin.wanted_work import Wanted
    from distill_fixtures.records import Role

__all__ = ["EstimateElsewhere"]

ROUND_SPREAD = 0.02
HAND_OUT_S = 0.16e-3
"""What the one process that asks replicas takes for a question, by ``studies.scale_out``."""
MOST_NEW_TOKENS = 512


class EstimateElsewhere:
    """Estimates the runs of a session one after another.

    Args:
        bill: takes what is found.
        target: the hardware.
    """

    def __init__(self, bill: Bill, target: Target) -> None:
        self._bill = bill
        self._target = target
        self._fits: dict[Role, bool] = {}
        self._tokenizers: dict[str, Any] = {}
        bill.peak_bytes = Undefined("of another machine's process")

    def add(self, run: StudentRun, wanted: Wanted) -> None:
        """What one student's part of the session takes."""
        roles = tuple(dict.fromkeys((*wanted.answers, *wanted.loaded, *wanted.isolated)))
        sized = {role: sized_model(run, role) for role in roles}
        for role in roles:
            self._model(run, role, sized[role], wanted)
        known = {
            role: each
            for role, each in sized.items()
            if not isinstance(each, Undefined) and role in TIMED_ROLES
        }
        self._timing(run, wanted, known)
        for role in wanted.isolated:
            if role in known and self._fits[role] and self._is_new("isolated", run, role):
                self._bill.add(f"memory and load time: {role}", known[role].loads_s)
        if wanted.tokens and len(known) == len(TIMED_ROLES) and all(self._fits.values()):
            self._compare(run, known)

    def close(self) -> None:
        device, assume = self._target.device, self._bill.assume
        assume(f"{device.name}: {device.source}")
        assume(
            f"{100 * ASSUMED.compute:g} % of its operations a second, "
            f"{100 * ASSUMED.bandwidth:g} % of its bandwidth, {100 * ASSUMED.memory:g} % of its "
            "memory can be used"
        )
        assume(
            f"a pass takes as long as its operations or its bytes, whichever is more, and no less "
            f"than {1000 * LAYER_S:g} ms a layer, in which PyTorch starts its work"
        )
        assume("GPUs of one replica work one after another: they give it room and no speed")
        assume(f"weights are read at {READ_BYTES_PER_S / 1e9:g} GB/s")
        self._bill.note(
            "start, imports and the page at the end are not in it: they hang on the machine around "
            "the GPUs"
        )

    def _is_new(self, kind: str, run: StudentRun, role: Role) -> bool:
        inputs = run.store.inputs
        return self._bill.is_new(kind, role, inputs.plans[role].reference, inputs.questions.digest)

    # Answers.

    def _model(
        self, run: StudentRun, role: Role, sized: SizedModel | Undefined, wanted: Wanted
    ) -> None:
        if not self._is_new("model", run, role):
            return
        asks, compares = role in wanted.answers, wanted.tokens and role in TIMED_ROLES
        label = label_of(run, role)
        part, questions = f"answering questions: {role}", run.store.questions.questions
        if isinstance(sized, Undefined):
            reference = run.store.inputs.plans[role].reference
            self._bill.add(part, sized)
            self._bill.note(f"{reference}: {sized.reason}")
            count = len(questions) if asks else 0
            row = ModelCost(label, reference, sized, count, 0, sized, sized, sized)
            self._bill.models.append(row)
            return
        subject = run.store.measuring.asked.subject_elsewhere(role)
        asked = AskedWork()
        counted = Counted(Work(), LargestPass())
        if asks:
            asked = asked_work(questions, subject.scoring, None, sized.plan.reference)
            counted = self._counted(run, sized, asked)
        need = sized.need_bytes(run, counted.largest, compares=compares)
        fit = fit_on(need, self._target)
        self._fits[role] = fit.replicas > 0
        flops = flops_of(counted.work, sized.weights, sized.shape)
        self._bill.models.append(
            ModelCost(
                label,
                sized.plan.reference,
                sized.parameters,
                asked.questions,
                0,
                counted.work.tokens,
                flops,
                need,
                fit,
            )
        )
        if not fit.replicas:
            self._bill.note(
                f"{sized.plan.reference} needs {fit.gpus} GPUs and does not fit: there "
                f"{'is 1' if self._target.count == 1 else f'are {self._target.count}'}"
            )
        if asks:
            self._bill.add(part, self._answer_s(sized, counted, fit, asked.requests))
        if fit.replicas > 1:
            self._bill.assume(
                f"answers of {sized.plan.reference} come from {fit.replicas} replicas at once "
                "(--distill-executor ray), asked by one process, which takes at least "
                f"{1000 * HAND_OUT_S:g} ms a question; all else from one replica"
            )

    def _counted(self, run: StudentRun, sized: SizedModel, asked: AskedWork) -> Counted:
        counter = Counter(
            self._tokenizer_of(run, sized.plan),
            task_of_plan(sized.plan),
            window=usual_window(sized.plan),
            budget_tokens=usual_budget("cuda"),
        )
        if asked.prompts:
            self._bill.note(
                f"answers are taken to be as long as they may be ({MOST_NEW_TOKENS} tokens): the "
                "time is an upper bound"
            )
        return asked.count(counter, MOST_NEW_TOKENS)[0]

    def _answer_s(
        self, sized: SizedModel, counted: Counted, fit: Fit, requests: int
    ) -> float | Undefined:
        """Seconds of all passes on all replicas, which one process asks."""
        if not fit.replicas:
            return Undefined("it does not fit")
        work = counted.work
        if not work.passes:
            return 0.0
        seconds = work.passes * sized.pass_s(work * (1 / work.passes), self._target.device)
        if fit.replicas == 1:
            return seconds
        return max(seconds / fit.replicas, requests * HAND_OUT_S)

    def _tokenizer_of(self, run: StudentRun, plan: ModelPlan) -> Any:
        """The model's own, else one of another model of the run; read once."""
        if plan.reference not in self._tokenizers:
            self._tokenizers[plan.reference] = self._read_tokenizer(run, plan)
        return self._tokenizers[plan.reference]

    def _read_tokenizer(self, run: StudentRun, plan: ModelPlan) -> Any:
        if plan.tokenizer_files or plan.kind in ("adapter", "gguf"):
            return load_tokenizer(plan)
        others = [each for each in run.store.inputs.plans.values() if each.tokenizer_files]
        if not others:
            raise MeasurementError(
                f"the tokens of {plan.reference} cannot be counted",
                got="no tokenizer in its folder, nor in that of another model of the run",
                wanted="tokenizer.json",
                next_step=f"put its tokenizer.json into {plan.folder}: it is a small file",
            )
        self._bill.note(
            f"{plan.reference} has no tokenizer: its tokens are counted by that of "
            f"{others[0].reference}"
        )
        return load_tokenizer(others[0])

    # Times.

    def _timing(self, run: StudentRun, wanted: Wanted, known: dict[Role, SizedModel]) -> None:
        for size in wanted.batch_sizes:
            part = f"timing, batch size {size}"
            if len(known) < len(TIMED_ROLES) or not all(self._fits[role] for role in known):
                self._bill.add(part, Undefined("a model does not fit, or is not known"))
                continue
            plan = plan_timing(run.student.config, run.store.inputs.thresholds, size)
            rounds = tuple(self._round_s(run, known[role], size) for role in TIMED_ROLES)
            expected = expected_timing(plan, RoundsSeen(rounds, 0.0, ROUND_SPREAD))
            self._bill.add(part, expected.seconds)
            self._bill.assume(f"{expected.rounds} rounds a model at batch size {size}")

    def _round_s(self, run: StudentRun, sized: SizedModel, size: int) -> float:
        """Seconds of all prompts once: a pass over each batch, then one a token."""
        new_tokens = run.student.config.new_tokens
        subject = run.store.measuring.asked.subject_elsewhere("student")
        tokenizer = self._tokenizer_of(run, sized.plan)
        seconds = 0.0
        for prompts in full_batches(subject.prompts, size):
            longest = max(len(ids) for ids in tokenizer(list(prompts))["input_ids"])
            tokens = size * longest
            read = Work(1, tokens, size, tokens * (longest + 1) / 2)
            seconds += sized.pass_s(read, self._target.device)
            context = longest + new_tokens / 2
            kept = (
                0.0
                if sized.shape is None
                else cache_bytes(sized.shape, size * context, sized.element_bytes)
            )
            step = sized.pass_s(Work(1, size, size, size * context), self._target.device, kept)
            seconds += (new_tokens - 1) * step
        return seconds

    def _compare(self, run: StudentRun, known: dict[Role, SizedModel]) -> None:
        """Both models read every question's text and run the language head at every token."""
        texts = [question.question for question in run.store.questions.questions]
        seconds = 0.0
        for sized in known.values():
            ids = self._tokenizer_of(run, sized.plan)(texts)["input_ids"]
            tokens = float(sum(map(len, ids)))
            keys = float(sum(len(each) ** 2 / 2 for each in ids))
            passes = max(1.0, len(texts) / 16)
            work = Work(passes, tokens, tokens, keys)
            seconds += passes * sized.pass_s(work * (1 / passes), self._target.device)
        self._bill.add("comparing next tokens", seconds)
