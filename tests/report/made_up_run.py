"""A whole run without models: the real session store over measurements that are made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from distill_fixtures.catalog import FAMILIES
from distill_fixtures.config import build_config
from distill_fixtures.errors import MissingFigureError
from distill_fixtures.judge.thresholds import read_thresholds
from distill_fixtures.measure.machine.watch import MachineRecord
from distill_fixtures.measure.scores.score_source import ScoringReport
from distill_fixtures.measure.timing.interleaved import Timing
from distill_fixtures.measure.timing.warm_up import WarmUp
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.plugin.export import Documents, RunState, build_documents
from distill_fixtures.plugin.judging import Judge
from distill_fixtures.plugin.preparation import Inputs
from distill_fixtures.plugin.regressing import Regression
from distill_fixtures.plugin.store import SessionStore
from distill_fixtures.records import (
    Answer,
    IsolatedReport,
    ModelCard,
    Phase,
    Question,
    QuestionSet,
    Role,
    Round,
    Scoring,
    TokenComparison,
    Undefined,
)
from tests.fakes import FakeModel, make_card
from tests.metrics.made_up import make_round

ROOT = Path(__file__).parents[2]
SKILL: dict[Role, float] = {"teacher": 2.5, "student": 1.8, "control": 0.6}


def make_questions(
    count: int, seed: int, *, sources: int = 12, repeats: bool = True
) -> tuple[Question, ...]:
    """Questions of three to five options; some list a text twice, some have no label."""
    generator = np.random.default_rng(seed)
    questions = []
    for number in range(count):
        options = [f"{number}-{k}" + "x" * int(generator.integers(4)) for k in range(5)]
        options = options[: int(generator.integers(3, 6))]
        if repeats and number % 7 == 0:
            options[-1] = options[0]
        questions.append(
            Question(
                f"q{number}",
                f"question {number}?",
                choices=tuple(options),
                answer=int(generator.integers(len(options))),
                subdomain=(None, "Optics", "[red]Spin")[number % 3],
                question_type=("Numerical", None)[number % 2],
                source=f"page {number % sources}" if number % 5 else None,
            )
        )
    return tuple(questions)


def make_answers(
    questions: tuple[Question, ...], scoring: Scoring, skill: float, seed: int
) -> tuple[Answer, ...]:
    """A model's answers; the more skill, the oftener right. Models of one seed err alike."""
    generator = np.random.default_rng(0)
    own = np.random.default_rng(seed)
    answers = []
    for question in questions:
        n = len(question.choices)
        scores = generator.normal(size=n) + own.normal(size=n)
        scores[question.answer or 0] += skill
        answers.append(_answer(question, scoring, scores.tolist()))
    return tuple(answers)


def _answer(question: Question, scoring: Scoring, scores: list[float]) -> Answer:
    def right(place: int | None) -> bool:
        return place is not None and question.choices[place] == question.reference_text

    pick: int | None = scores.index(max(scores))
    if scoring == "generate":
        cut = min(scores) < -2.0
        pick = None if cut else pick
        text = "no idea" if cut else f"({pick})"
        return Answer(question.id, pick, right(pick), text=text, truncated=cut)
    answer = Answer(question.id, pick, right(pick), log_likelihoods=tuple(scores))
    if scoring in ("letter", "classify"):
        return answer
    per_character = [s / len(c) for s, c in zip(scores, question.choices, strict=True)]
    place = per_character.index(max(per_character))
    return replace(
        answer,
        log_likelihoods_norm=tuple(per_character),
        pick_norm=place,
        correct_norm=right(place),
    )


def make_rounds(rounds: int, step_s: float, seed: int, **shape: int) -> tuple[Round, ...]:
    """Rounds of requests with jittered token times.

    Args:
        shape: ``batch_size``, ``tokens`` (0: a classifier's, with one time each) and ``requests``.
    """
    generator = np.random.default_rng(seed)
    size = (shape["requests"], max(1, shape["tokens"]))
    return tuple(
        make_round(
            *np.cumsum(step_s * (1 + generator.random(size)), axis=1).tolist(),
            batch_size=shape["batch_size"],
            prompt_tokens=11 * shape["batch_size"],
            order=2 * place + place % 2,
            writes_tokens=shape["tokens"] > 0,
        )
        for place in range(rounds)
    )


def make_isolated(scale: float) -> IsolatedReport:
    return IsolatedReport(
        runtime_memory_bytes=200_000_000,
        model_memory_bytes=int(20_000_000 * scale),
        load_peak_memory_bytes=int(250_000_000 + 30_000_000 * scale),
        peak_memory_bytes=int(210_000_000 + 25_000_000 * scale),
        device_peak_bytes=Undefined("the model ran on the CPU"),
        load_times_s=(0.5 * scale, 0.4 * scale, 0.7 * scale),
        load_time_cold_s=Undefined("the files are mapped"),
        curve=((0.0, 200_000_000), (0.1, 220_000_000)),
        phases=(
            Phase("imports", -3.25, -1.0),
            Phase("load", 0.0, 0.5),
            Phase("inference", 0.5, 1.0),
        ),
        model_pss_bytes=int(18_000_000 * scale),
        model_uss_bytes=int(17_000_000 * scale),
    )


@dataclass
class PlayedBack:
    """Stands in for the session's measuring: hands out what was made up."""

    cards: Mapping[Role, ModelCard]
    told: Mapping[Role, tuple[Answer, ...]]
    reports: Mapping[Role, IsolatedReport]
    timed: Mapping[int, dict[Role, tuple[Round, ...]]]
    tokens: TokenComparison | Undefined
    tokenizers: Mapping[Role, str | Undefined] = field(default_factory=dict)
    from_cache: Mapping[Role, int] = field(default_factory=dict)
    merged: Mapping[Role, Mapping[str, tuple[Round, ...]]] = field(default_factory=dict)
    density: float = 3.5
    placement: tuple[str, str] = ("cpu", "float32")
    scoring_placement: tuple[str, str] = ("cpu", "float32")
    asked: list[str] = field(default_factory=list)
    machine: MachineRecord = field(default_factory=lambda: MachineRecord(ROOT / "no_such_machine"))

    def card(self, role: Role) -> ModelCard:
        return self.cards[role]

    def isolated(self, role: Role) -> IsolatedReport:
        return self.reports[role]

    def load(self, role: Role) -> FakeModel:
        self.asked.append(f"load {role}")
        digest = self.tokenizers.get(role, "one tokenizer")
        return FakeModel(card=self.cards[role], tokenizer_digest=digest)

    def answers(
        self, role: Role, model: Callable[[], object]
    ) -> tuple[tuple[Answer, ...], ScoringReport]:
        if self.from_cache.get(role, 0) < len(self.told[role]):
            model()
        self.asked.append(f"answers {role}")
        return self.told[role], self._scoring_report(role)

    def _scoring_report(self, role: Role) -> ScoringReport:
        total, known = len(self.told[role]), self.from_cache.get(role, 0)
        return ScoringReport(
            method="packed" if known < total else Undefined("the model was not loaded"),
            chat_template=Undefined("answers are scored, not written"),
            questions_scored=total - known,
            questions_from_cache=known,
            passes=total - known,
            seconds=0.5,
        )

    def rounds(self, models: object, batch_size: int) -> Timing:
        rounds = {str(role): of_role for role, of_role in self.timed[batch_size].items()}
        one_round = len(rounds["teacher"]) < 2
        return Timing(
            rounds=rounds,
            batch_size=batch_size,
            stopped_by="precision",
            half_width=Undefined("one round has no spread") if one_round else 0.02,
            held_bounds=(0.0,) if one_round else (),
            threads=2,
            seconds=12.5,
            warm_up=WarmUp({"teacher": 2, "student": 3}, {"teacher": True, "student": False}),
            time_stamp_cost_s=6e-8,
        )

    def merged_timing(self, role: Role, unmerged: Callable[[], object]) -> Timing:
        if role not in self.merged:
            raise MissingFigureError(
                "the model is no adapter", got=role, wanted="an adapter", next_step="none"
            )
        unmerged()
        rounds = self.merged[role]
        return replace(self.rounds(None, 1), rounds=rounds)

    def characters_per_token(self, model: object) -> float:
        return self.density

    def token_comparison(self, teacher: object, student: object) -> TokenComparison | Undefined:
        return self.tokens

    def close(self) -> None:
        self.asked.append("close")


@dataclass
class MadeUpRun:
    """How the run is; ``documents`` plays it.

    Attributes:
        asked: sections that tests asked for; ``criteria`` for the gate.
        adapters: the models that are adapters, whose merged copy is timed too.
    """

    scoring: Scoring = "cloze"
    questions: int = 120
    control: bool = True
    rounds: int = 12
    tokens: int = 9
    seed: int = 0
    skill: Mapping[Role, float] = field(default_factory=lambda: SKILL)
    asked: frozenset[str] = frozenset(
        ("size", "accuracy", "load", "memory", "latency", "throughput", "pair", "criteria")
    )
    question_set: tuple[Question, ...] | None = None
    told: Mapping[Role, tuple[Answer, ...]] | None = None
    tokenizers: Mapping[Role, str | Undefined] = field(default_factory=dict)
    batch_sizes: tuple[int, ...] = (1, 4)
    permutations: int = 1
    pmi: bool = False
    from_cache: Mapping[Role, int] = field(default_factory=dict)
    adapters: tuple[Role, ...] = ()

    @property
    def roles(self) -> tuple[Role, ...]:
        return ("teacher", "student", "control") if self.control else ("teacher", "student")

    def documents(self) -> Documents:
        """Both documents, as the plugin makes them."""
        store = self.store()
        return self.documents_of(store, self.play(store))

    def documents_of(self, store: SessionStore, judge: Judge) -> Documents:
        """Both documents of what a store has measured."""
        state = RunState(
            created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            selected=("a test",),
            families=frozenset(FAMILIES),
            deselected=0,
            finished={"a test"},
        )
        regression = Regression(store, store.inputs.thresholds, rootpath=ROOT, selected=())
        return build_documents(store, judge, regression, state, rootpath=ROOT)

    def store(self) -> SessionStore:
        """The real store over made-up measurements."""
        questions = self.question_set or make_questions(self.questions, self.seed)
        given = {
            "batch_sizes": (",".join(map(str, self.batch_sizes)), ROOT),
            "new_tokens": (str(self.tokens), ROOT),
            "permutations": (str(self.permutations), ROOT),
            "cloze_pmi": (str(self.pmi).lower(), ROOT),
        }
        if self.control:
            given["control"] = ("demo:control", ROOT)
        inputs = Inputs(
            plans={role: ModelPlan(f"demo:{role}", "full", ROOT) for role in self.roles},
            questions=QuestionSet("made up", "digest", questions, self.scoring),
            scoring=self.scoring,
            template=None,
            thresholds=read_thresholds(ROOT / "thresholds.toml"),
        )
        store = SessionStore(
            build_config(given), inputs, isolate_first=False, progress=cast(Any, None)
        )
        store._measuring = cast(Any, self._measuring(questions))
        return store

    def _measuring(self, questions: tuple[Question, ...]) -> PlayedBack:
        steps_s = {"teacher": 0.004, "student": 0.001}
        seeds = {role: place + 1 for place, role in enumerate(self.roles)}
        cards = {role: make_card(f"demo:{role}") for role in self.roles}
        for role in self.roles[1:]:
            cards[role] = replace(
                cards[role], disk_bytes=250, weights_bytes=160, parameters_total=80
            )
        timed = {
            size: {
                role: make_rounds(
                    self.rounds,
                    step_s * size,
                    seeds[cast(Role, role)],
                    batch_size=size,
                    tokens=0 if self.scoring == "classify" else self.tokens,
                    requests=13 if size == 1 else 1,
                )
                for role, step_s in steps_s.items()
            }
            for size in (1, 4)
        }
        told = self.told or {
            role: self._told_more(
                questions, make_answers(questions, self.scoring, self.skill[role], seeds[role])
            )
            for role in self.roles
        }
        return PlayedBack(
            cards=cards,
            told=told,
            reports={"teacher": make_isolated(4.0), "student": make_isolated(1.0)},
            timed=cast(Any, timed),
            tokens=Undefined("a classifier gives no probability of a next token")
            if self.scoring == "classify"
            else TokenComparison(0.25, {"teacher": 1.5, "student": 2.0}),
            tokenizers=self.tokenizers,
            from_cache=self.from_cache,
            merged={role: self._merged(seeds[role]) for role in self.adapters},
        )

    def _merged(self, seed: int) -> Mapping[str, tuple[Round, ...]]:
        steps_s = {"unmerged": 0.0012, "merged": 0.001}
        return {
            name: make_rounds(
                self.rounds, step_s, seed + place, batch_size=1, tokens=self.tokens, requests=13
            )
            for place, (name, step_s) in enumerate(steps_s.items())
        }

    def _told_more(
        self, questions: tuple[Question, ...], answers: tuple[Answer, ...]
    ) -> tuple[Answer, ...]:
        """The same answers with what the options of this run add to them."""
        generator = np.random.default_rng(7)
        told = []
        for question, answer in zip(questions, answers, strict=True):
            n = len(question.choices)
            if self.permutations > 1:
                shown = generator.integers(n, size=min(n, self.permutations)).tolist()
                answer = replace(answer, shown_picks=tuple(shown))
            if self.pmi:
                raised = (np.array(answer.log_likelihoods) + generator.normal(size=n)).tolist()
                pick = raised.index(max(raised))
                answer = replace(
                    answer,
                    log_likelihoods_pmi=tuple(raised),
                    pick_pmi=pick,
                    correct_pmi=question.choices[pick] == question.reference_text,
                )
            told.append(answer)
        return tuple(told)

    def play(self, store: SessionStore) -> Judge:
        """Ask as the suite's tests ask."""
        for role in self.roles:
            for name in ("size", "accuracy"):
                if name in self.asked:
                    store.model_section(role, name)
        for role in self.roles[:2]:
            for name in ("load", "memory", "latency"):
                if name in self.asked:
                    store.model_section(role, name)
        for role in self.adapters:
            store.model_section(role, "merged")
        if "throughput" in self.asked:
            for size in self.batch_sizes:
                store.rounds(size)
        if "pair" in self.asked:
            for name in ("retention", "control", "fidelity", "tokens", "efficiency", "efficacy"):
                store.pair_section(name)
        thresholds = store.inputs.thresholds
        judge = Judge(store, thresholds, thresholds.criteria)
        if "criteria" in self.asked:
            for criterion in thresholds.criteria:
                judge(criterion)
        return judge
