"""A model on this machine as far as an estimate knows it, and its row in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_fixtures.estimate.counting import Counted
from distill_fixtures.estimate.memory import LargestPass, peak_bytes
from distill_fixtures.estimate.model_size import weights_bytes, weights_of_counts
from distill_fixtures.estimate.record import ModelCost
from distill_fixtures.estimate.shape import shape_of_config
from distill_fixtures.estimate.work import Work, flops_of
from distill_fixtures.models.counting import count_module
from distill_fixtures.models.identity import counts_of_plan
from distill_fixtures.models.memory_needs import BYTES_OF_DTYPE
from distill_fixtures.plugin.asked_work import AskedWork
from distill_fixtures.plugin.estimate_parts import label_of, whole_run
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    from distill_fixtures.models.protocol import InProcessModel
    from distill_fixtures.plugin.asked_models import Subject
    from distill_fixtures.plugin.student_run import StudentRun
    from distill_fixtures.records import Role

__all__ = ["SERVED", "KnownModel", "model_row"]

SERVED = Undefined("behind a server: not asked, as its answers may cost money")


@dataclass
class KnownModel:
    """A model of which something is known.

    Attributes:
        subject: what it would be asked.
        asked: what of it goes through the model; None until that was looked up.
        model: loaded; None where nothing asks for it.
        load_s: that it took.
    """

    subject: Subject
    asked: AskedWork | None = None
    model: InProcessModel | None = None
    load_s: float = 0.0


def model_row(
    run: StudentRun, role: Role, known: KnownModel, counted: Counted | None, *, compares: bool
) -> ModelCost:
    """What a run asks of one model.

    Args:
        counted: of its answers; None where nothing goes through it.
        compares: next tokens are compared, for which whole distributions are kept.
    """
    plan, asked = known.subject.plan, known.asked
    label = label_of(run, role)
    if plan.served is not None:
        total = len(run.store.questions)
        return ModelCost(label, plan.reference, SERVED, total, 0, SERVED, SERVED, SERVED)
    work, largest = (Work(), LargestPass()) if counted is None else (counted.work, counted.largest)
    config, counts = (plan.base or plan).config, counts_of_plan(plan)
    if known.model is not None:
        config = {**config, **known.model.module.config.to_dict()}
        counts = count_module(known.model.module)
    shape = shape_of_config(config)
    parameters: int | Undefined
    flops: float | Undefined
    memory: float | Undefined
    if isinstance(counts, Undefined):
        parameters, flops, memory = counts, counts if work.tokens else 0.0, counts
    else:
        parameters = counts.total
        flops = flops_of(work, weights_of_counts(plan, counts, shape), shape)
        device, dtype = run.store.timing_placement
        if shape is not None:
            largest = whole_run(largest, run, shape, device=device, compares=compares)
        held = weights_bytes(plan, counts, dtype)
        element = BYTES_OF_DTYPE.get(dtype, 2)
        memory = held if isinstance(held, Undefined) else peak_bytes(held, shape, largest, element)
    return ModelCost(
        label,
        plan.reference,
        parameters,
        0 if asked is None else asked.questions,
        0 if asked is None else asked.from_cache,
        work.tokens,
        flops,
        memory,
    )
