"""Whether models fit, told from headers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.memory_needs import MemoryNeed, check_memory, memory_need
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Undefined


@pytest.fixture(scope="module")
def student() -> ModelPlan:
    return resolve_reference("demo:student")


def test_parameters_times_their_bytes(student: ModelPlan) -> None:
    whole, half, as_saved = (
        memory_need(student, dtype) for dtype in ("float32", "bfloat16", "auto")
    )
    assert isinstance(whole, MemoryNeed)
    assert isinstance(half, MemoryNeed)
    assert whole.size_bytes == 2 * half.size_bytes
    assert as_saved == MemoryNeed(student.reference, student.weights_bytes)


def test_packed_weights_take_what_they_take_in_the_file(student: ModelPlan) -> None:
    packed = replace(student, config={**student.config, "quantization_config": {}})
    assert memory_need(packed, "float32") == MemoryNeed("demo:student", student.weights_bytes)


@pytest.mark.parametrize("kind", ["hub", "served"])
def test_files_that_are_not_here_tell_nothing(kind: str) -> None:
    plan = ModelPlan("r", kind, Path())  # type: ignore[arg-type]
    assert isinstance(memory_need(plan, "float32"), Undefined)


def test_what_does_not_fit_is_refused_with_the_figures(student: ModelPlan) -> None:
    teacher = resolve_reference("demo:teacher")
    plans = {"teacher": teacher, "student": student}
    needs = [memory_need(plan, "float32") for plan in plans.values()]
    together = sum(each.size_bytes for each in needs if isinstance(each, MemoryNeed))
    check_memory(plans, device="cpu", dtype="float32", free_bytes=together)
    check_memory(plans, device="cpu", dtype="float32", free_bytes=None)
    with pytest.raises(ModelReferenceError) as caught:
        check_memory(plans, device="cpu", dtype="float32", free_bytes=together - 1)
    for words in ("teacher demo:teacher", "student demo:student", "GB are free"):
        assert words in caught.value.got
    assert "--distill-dtype bfloat16" in caught.value.next_step
    with pytest.raises(ModelReferenceError) as caught:
        check_memory(plans, device="cpu", dtype="bfloat16", free_bytes=0)
    assert "--distill-dtype" not in caught.value.next_step


def test_one_model_in_two_roles_counts_once(student: ModelPlan) -> None:
    need = memory_need(student, "float32")
    assert isinstance(need, MemoryNeed)
    plans = {"teacher": student, "student": student}
    check_memory(plans, device="cpu", dtype="float32", free_bytes=need.size_bytes)
