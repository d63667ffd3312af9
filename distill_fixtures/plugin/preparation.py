"""Everything that can be wrong with what the user gave, found before a weight is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill_fixtures.config import RunConfig
from distill_fixtures.demo import questions_file
from distill_fixtures.errors import OptionError
from distill_fixtures.judge.criteria import Thresholds
from distill_fixtures.judge.thresholds import find_thresholds, read_thresholds
from distill_fixtures.measure.machine.free_memory import free_memory, may_have_gpu
from distill_fixtures.models.devices import resolve_device, resolve_dtype
from distill_fixtures.models.folders import FolderRules
from distill_fixtures.models.memory_needs import check_memory
from distill_fixtures.models.model_limits import check_room
from distill_fixtures.models.quantised import check_device, unpacked_on
from distill_fixtures.models.references import plan_of_bare_config, resolve_reference
from distill_fixtures.options.table import option_named
from distill_fixtures.plugin.classifying import fit_to_models
from distill_fixtures.plugin.control_shape import refuse_unlike_plan
from distill_fixtures.plugin.executing import (
    check_executor,
    note_of_executor,
    refuse_idle_pool,
    scoring_placement,
)
from distill_fixtures.records import Role, Scoring
from distill_fixtures.report.baseline import Baseline, read_baseline
from distill_fixtures.report.json_files import check_writable
from distill_fixtures.tasks.prompt_template import PromptTemplate, load_prompt_template
from distill_fixtures.tasks.readers import read_questions

if TYPE_CHECKING:
    from distill_fixtures.models.plan import ModelPlan
    from distill_fixtures.records import QuestionSet

__all__ = [
    "CommonInputs",
    "DistillWarning",
    "Inputs",
    "prepare_common",
    "prepare_inputs",
    "prepare_student",
    "questions_of",
]


class DistillWarning(UserWarning):
    """Something about models or questions that a reader of the results should know."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run works on, all of it checked.

    Attributes:
        plans: where each model comes from; the control only where there is one.
        scoring: what ``auto`` came to.
        template: the user's own prompt, for ``generate`` scoring.
        cache_folder: of kept scores and digests; None: nothing is kept.
        baseline: the earlier run that was named; None where none was, or ``auto``.
        warnings: a sentence for each thing that a reader should know.
    """

    plans: Mapping[Role, ModelPlan]
    questions: QuestionSet
    scoring: Scoring
    template: PromptTemplate | None
    thresholds: Thresholds
    cache_folder: Path | None = None
    baseline: Baseline | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommonInputs:
    """What all students of a session work on.

    Attributes:
        teacher: where it comes from.
        scoring: what ``auto`` means for the questions.
        warnings: a sentence for each thing that a reader should know, whichever the student.
    """

    teacher: ModelPlan
    questions: QuestionSet
    scoring: Scoring
    template: PromptTemplate | None
    thresholds: Thresholds
    cache_folder: Path | None
    baseline: Baseline | None
    warnings: tuple[str, ...]


def prepare_inputs(config: RunConfig, rootdir: Path, *, awaited: Collection[Role] = ()) -> Inputs:
    """Check everything in the order in which a user can mend it.

    Args:
        awaited: models that are still to come: all is checked but them, and they have no plan.

    Raises:
        UsageError: the first thing that is wrong.
    """
    common = prepare_common(config, rootdir)
    return prepare_student(config, common, common.thresholds, awaited=awaited)


def prepare_common(config: RunConfig, rootdir: Path) -> CommonInputs:
    """Check what does not hang on a student.

    Raises:
        UsageError: the first thing that is wrong.
    """
    thresholds = read_thresholds(find_thresholds(config.thresholds, rootdir))
    questions = questions_of(config)
    scoring = _scoring_of_questions(config, questions)
    template = None if config.prompt_file is None else load_prompt_template(config.prompt_file)
    check_writable(config.metrics_dir)
    check_executor(config)
    cache_folder, cache_warnings = _cache_folder(config)
    return CommonInputs(
        teacher=_resolved(config, config.teacher),
        questions=questions,
        scoring=scoring,
        template=template,
        thresholds=thresholds,
        cache_folder=cache_folder,
        baseline=read_baseline(config.baseline) if isinstance(config.baseline, Path) else None,
        warnings=questions.warnings + cache_warnings,
    )


def prepare_student(
    config: RunConfig,
    common: CommonInputs,
    thresholds: Thresholds,
    *,
    awaited: Collection[Role] = (),
) -> Inputs:
    """Check a student, and it beside the teacher and the control.

    Args:
        config: the student's own.
        common: what was prepared for all of them.
        thresholds: those that it is held to.
        awaited: as in :func:`prepare_inputs`.

    Raises:
        UsageError: the first thing that is wrong.
    """
    plans = _plans(config, common.teacher, awaited)
    scoring, questions = fit_to_models(config, common.scoring, common.questions, plans)
    _refuse_idle_options(config, scoring)
    if config.device not in ("auto", "cpu"):
        resolve_device(config.device)
    return Inputs(
        plans,
        questions,
        scoring,
        common.template,
        thresholds,
        cache_folder=common.cache_folder,
        baseline=common.baseline,
        warnings=common.warnings + _unpacked(plans, config) + note_of_executor(config),
    )


def questions_of(config: RunConfig) -> QuestionSet:
    """Read the questions.

    Raises:
        UsageError: they cannot be used.
    """
    return read_questions(
        config.data_path or questions_file(),
        password=config.data_password,
        limit=config.limit,
        name="demo" if config.data_path is None else None,
    )


def _cache_folder(config: RunConfig) -> tuple[Path | None, tuple[str, ...]]:
    """Where scores are kept, None for nowhere, and what is to be warned of.

    A folder that the user named must do; the default one may be missing from a machine.
    """
    if config.no_score_cache:
        if config.score_cache is None:
            return None, ()
        flags = [option_named(field).flag for field in ("score_cache", "no_score_cache")]
        raise OptionError(
            f"{flags[0]} and {flags[1]} exclude each other",
            got=f"both, {flags[0]} {config.score_cache}",
            wanted="one of them",
            next_step=f"leave {flags[1]} out to use the folder, or {flags[0]} to use none",
        )
    what, flag = "folder of the score cache", option_named("score_cache").flag
    if config.score_cache is not None:
        check_writable(config.score_cache, what=what, flag=flag)
        return config.score_cache, ()
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("distill-bench"))
    try:
        check_writable(folder, what=what, flag=flag)
    except OptionError as error:
        return None, (f"{error.what}: no score is kept. Got {error.got}; {error.next_step}",)
    return folder, ()


def _plans(
    config: RunConfig, teacher: ModelPlan, awaited: Collection[Role]
) -> dict[Role, ModelPlan]:
    references: dict[Role, str] = {"student": config.student}
    if config.control is not None:
        references["control"] = config.control
    plans: dict[Role, ModelPlan] = {"teacher": teacher}
    plans |= {
        role: _resolved(config, reference)
        for role, reference in references.items()
        if role not in awaited
    }
    if not awaited:
        refuse_idle_pool(config, plans)
    if awaited and config.base_model is not None:
        rules = FolderRules(config.allow_pickle, config.trust_remote_code)
        resolve_reference(config.base_model, rules=rules)
    timed = {str(role): plan for role, plan in plans.items() if role != "control"}
    check_room(timed, config.new_tokens)
    device = None if config.estimate_on is not None else _device_to_be(config)
    if device is not None:  # another machine has other devices, and other room
        for plan in plans.values():
            check_device(plan.reference, (plan.base or plan).config, device)
        # Replicas have the memory of other processes; what is loaded here is checked by itself.
        if config.executor == "local":
            _check_memory(plans, config, device)
    if "control" in plans and "student" in plans:
        refuse_unlike_plan(plans["control"], plans["student"])
    return plans


def _resolved(config: RunConfig, reference: str) -> ModelPlan:
    if config.estimate_on is not None:
        bare = plan_of_bare_config(reference)
        if bare is not None:
            return bare
    rules = FolderRules(config.allow_pickle, config.trust_remote_code)
    return resolve_reference(reference, base_model=config.base_model, rules=rules)


def _device_to_be(config: RunConfig) -> str | None:
    """Where questions are answered; None where it takes torch to tell what ``auto`` means."""
    if config.executor == "ray":
        return scoring_placement(config)[0]
    if config.device == "auto":
        return None if may_have_gpu() else "cpu"
    return resolve_device(config.device)


def _check_memory(plans: Mapping[Role, ModelPlan], config: RunConfig, device: str) -> None:
    check_memory(
        {str(role): plan for role, plan in plans.items()},
        device=device,
        dtype=resolve_dtype(config.dtype, device),
        free_bytes=free_memory(device),
    )


def _unpacked(plans: Mapping[Role, ModelPlan], config: RunConfig) -> tuple[str, ...]:
    """A sentence for each model that will not run as it was quantised."""
    device = _device_to_be(config)
    if device is None or config.estimate_on is not None:
        return ()
    methods = {
        role: unpacked_on((plan.base or plan).config, device) for role, plan in plans.items()
    }
    return tuple(
        f"the {role} is quantised with {method}, which is unpacked on {device}: its memory and its "
        "times are those of unpacked weights"
        for role, method in methods.items()
        if method is not None
    )


def _scoring_of_questions(config: RunConfig, questions: QuestionSet) -> Scoring:
    """What ``auto`` means for the questions, whichever models are asked."""
    scoring: Scoring = questions.default_scoring if config.scoring == "auto" else config.scoring
    free_text = any(question.is_free_text for question in questions.questions)
    if free_text and scoring != "generate":
        raise OptionError(
            f"{option_named('scoring').flag} does not fit the questions",
            got=f"{scoring}, for free-text questions",
            wanted="generate: there are no options whose likelihood could be compared",
            next_step="leave --distill-scoring out",
        )
    _refuse_idle_options(config, scoring)
    return scoring


def _refuse_idle_options(config: RunConfig, scoring: Scoring) -> None:
    _only_for("permutations", config.permutations > 1, scoring, "letter")
    _only_for("cloze_pmi", config.cloze_pmi, scoring, "cloze")
    _only_for("prompt", config.prompt != "zero-shot", scoring, "generate")
    _only_for("prompt_file", config.prompt_file is not None, scoring, "generate")


def _only_for(field: str, given: bool, scoring: Scoring, wanted: Scoring) -> None:
    if given and scoring != wanted:
        flag = option_named(field).flag
        raise OptionError(
            f"{flag} has no effect in this run",
            got=f"{flag} with {scoring} scoring",
            wanted=f"{wanted} scoring",
            next_step=f"leave {flag} out"
            if scoring == "classify"
            else f"add --distill-scoring {wanted}, or leave {flag} out",
        )
