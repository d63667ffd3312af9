"""Which tests there are, by options and thresholds."""

from __future__ import annotations

from pathlib import Path

from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import Workspace
from tests.tiny_models import save_adapter

PASSED = 0


def collected(workspace: Workspace, *arguments: object) -> list[str]:
    """Test names, without their files."""
    outcome = workspace.quick("--collect-only", "-q", *arguments)
    assert outcome.returncode == PASSED, outcome.output
    return [line.split("::")[1] for line in outcome.output.splitlines() if "::" in line]


def test_roles_and_batch_sizes(workspace: Workspace, tiny: Tiny) -> None:
    names = collected(workspace, *tiny.options(distill_batch_sizes="4,2"))
    assert [name for name in names if name.startswith("test_throughput[")] == [
        "test_throughput[teacher-batch4]",
        "test_throughput[teacher-batch2]",
        "test_throughput[student-batch4]",
        "test_throughput[student-batch2]",
    ]
    assert [name for name in names if name.startswith("test_memory[")] == [
        "test_memory[teacher]",
        "test_memory[student]",
    ]
    assert not any("control" in name for name in names if "[" in name)


def test_a_control_is_there_for_accuracy_and_size_alone(workspace: Workspace, tiny: Tiny) -> None:
    names = collected(workspace, *tiny.options(control_model=tiny.student))
    assert [name for name in names if "[control" in name] == [
        "test_accuracy[control]",
        "test_accuracy_by[control-by_subdomain]",
        "test_accuracy_by[control-by_question_type]",
        "test_size[control]",
    ]


def test_the_built_in_pair_brings_its_control(workspace: Workspace) -> None:
    assert "test_accuracy[control]" in collected(workspace)


def test_adapters_alone_are_merged(workspace: Workspace, tiny: Tiny, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter", tiny.student)

    def merged(**changed: object) -> list[str]:
        names = collected(workspace, *tiny.options(**changed))
        return [name for name in names if name.startswith("test_merged_adapter[")]

    assert merged(student_model=adapter) == ["test_merged_adapter[student]"]
    assert merged(teacher_model=adapter, student_model="org/name") == [
        "test_merged_adapter[teacher]",
        "test_merged_adapter[student]",
    ], "what the Hub has is told by its files alone"
    (none,) = merged()
    assert not any(role in none for role in ("teacher", "student"))


def test_a_criterion_a_test(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write(
        "thresholds.toml",
        "[criteria.kappa]\ngood = 0.8\npoor = 0.5\n"
        '[criteria.kappa.subdomain."Optics"]\ngood = 0.7\npoor = 0.4\n',
    )
    names = [name for name in collected(workspace, *tiny.options()) if "criterion" in name]
    assert names == ["test_criterion[kappa]", "test_criterion[kappa[subdomain Optics]]"]
    assert [
        name
        for name in collected(workspace, *tiny.options(), "-m", "fidelity")
        if "criterion" in name
    ] == names, "a criterion belongs to its metric's family"


def test_a_students_own_thresholds(workspace: Workspace, tiny: Tiny) -> None:
    workspace.write(
        "thresholds.toml",
        "[criteria.size_reduction_pct]\ngood = 50\npoor = 30\n"
        f'[student."{tiny.student}".criteria.size_reduction_pct]\ngood = 99.9\npoor = 99\n'
        '[student."somebody".criteria.kappa]\ngood = 0.8\npoor = 0.5\n',
    )
    assert workspace.quick(*tiny.options(), "-m", "size").returncode == 1
    (found,) = workspace.document()["verdict"]["criteria"]
    assert (found["good"], found["grade"]) == (99.9, "poor")
