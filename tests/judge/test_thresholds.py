"""Reading thresholds.toml: what it says, and every refusal."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from distill_fixtures.catalog import CATALOG
from distill_fixtures.errors import ThresholdsError
from distill_fixtures.judge.criteria import (
    Criterion,
    Gate,
    Slice,
    Slices,
    Thresholds,
    slices_of,
)
from distill_fixtures.judge.thresholds import (
    find_thresholds,
    package_thresholds,
    read_thresholds,
)
from distill_fixtures.metrics.sections import why_not_gradable
from distill_fixtures.records import Question

RETENTION = "[criteria.knowledge_retention_pct]\ngood = 85.0\npoor = 70.0\n"


def read(folder: Path, text: str) -> Thresholds:
    path = folder / "thresholds.toml"
    path.write_text(text, encoding="utf-8")
    return read_thresholds(path)


def refusal(folder: Path, text: str) -> ThresholdsError:
    started = time.monotonic()
    with pytest.raises(ThresholdsError) as caught:
        read(folder, text)
    assert time.monotonic() - started < 5
    assert str(folder / "thresholds.toml") in caught.value.what
    for part in (caught.value.got, caught.value.wanted, caught.value.next_step):
        assert part
        assert len(part) < 600
    return caught.value


def test_the_shipped_thresholds_are_the_published_ones() -> None:
    shipped = read_thresholds(package_thresholds())
    assert shipped.criteria == (
        Criterion("knowledge_retention_pct", 85.0, 70.0),
        Criterion("size_reduction_pct", 50.0, 30.0),
        Criterion("speed_improvement_pct", 30.0, 0.0),
        Criterion("performance_efficiency", 1.7, 1.0),
    )
    assert shipped.gate == Gate(("poor", "not_judged"), "pass")
    assert dict(shipped.regression_tolerance_pct) == {
        "inference_time_s": 5.0,
        "accuracy": 5.0,
        "disk_bytes": 5.0,
        "peak_memory_bytes": 10.0,
    }
    assert {criterion.student for criterion in shipped.criteria} == {None}


def test_find_prefers_the_given_then_the_projects_own(tmp_path: Path) -> None:
    given = tmp_path / "mine.toml"
    assert find_thresholds(given, tmp_path) == given
    assert find_thresholds(None, tmp_path) == package_thresholds()
    own = tmp_path / "thresholds.toml"
    own.write_text(RETENTION)
    assert find_thresholds(None, tmp_path) == own


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    empty = read(tmp_path, "")
    assert empty.criteria == ()
    assert empty.gate == Gate()
    assert dict(empty.regression_tolerance_pct) == {}


def test_lower_is_better_takes_its_direction_from_the_catalogue(tmp_path: Path) -> None:
    some = read(tmp_path, "[criteria.kl_nats]\ngood = 0.1\npoor = 1\n")
    assert some.criteria == (Criterion("kl_nats", 0.1, 1.0),)


def test_equal_bounds_are_let_through(tmp_path: Path) -> None:
    some = read(tmp_path, "[criteria.kl_nats]\ngood = 1\npoor = 1\n")
    assert some.criteria[0].good == some.criteria[0].poor == 1.0


def test_slices(tmp_path: Path) -> None:
    some = read(
        tmp_path,
        RETENTION
        + '[criteria.knowledge_retention_pct.subdomain."Optics"]\ngood = 80\npoor = 60\n'
        + '[criteria.agreement.question_type."Numerical Calculation"]\ngood = 0.9\npoor = 0.5\n',
    )
    assert some.criteria == (
        Criterion("knowledge_retention_pct", 85.0, 70.0),
        Criterion("knowledge_retention_pct", 80.0, 60.0, Slice("subdomain", "Optics")),
        Criterion("agreement", 0.9, 0.5, Slice("question_type", "Numerical Calculation")),
    )
    assert some.criteria[1].name == "knowledge_retention_pct[subdomain Optics]"
    assert some.criteria[1].section == '[criteria.knowledge_retention_pct.subdomain."Optics"]'


EVERY_SUBDOMAIN = '[criteria.agreement.subdomain."*"]\ngood = 0.8\npoor = 0.6\n'
FIELDS = slices_of(
    [
        Question("1", "?", subdomain="Optics"),
        Question("2", "?", subdomain="Chemistry"),
        Question("3", "?", subdomain="Optics"),
    ]
)


def test_a_wildcard_is_a_criterion_for_every_slice(tmp_path: Path) -> None:
    some = read(tmp_path, RETENTION + EVERY_SUBDOMAIN)
    assert some.has_wildcards
    whole, *parts = some.criteria_for("any", slices=FIELDS)
    assert whole == Criterion("knowledge_retention_pct", 85.0, 70.0)
    assert [each.slice for each in parts] == [
        Slice("subdomain", "Chemistry"),
        Slice("subdomain", "Optics"),
    ]
    for each in parts:
        assert (each.metric, each.good, each.poor, each.by_wildcard) == (
            "agreement",
            0.8,
            0.6,
            True,
        )
        assert each.section == '[criteria.agreement.subdomain."*"]'
    assert parts[1].name == "agreement[subdomain Optics]"


def test_a_slices_own_section_replaces_the_wildcards(tmp_path: Path) -> None:
    named = '[criteria.agreement.subdomain."Optics"]\ngood = 0.5\npoor = 0.4\n'
    for text in (EVERY_SUBDOMAIN + named, named + EVERY_SUBDOMAIN):
        criteria = read(tmp_path, text).criteria_for("any", slices=FIELDS)
        found = {str(each.slice): (each.good, each.by_wildcard) for each in criteria}
        assert found == {"subdomain Chemistry": (0.8, True), "subdomain Optics": (0.5, False)}
        assert len(criteria) == 2


def test_a_students_wildcard_replaces_the_general_one_and_no_named_slice(tmp_path: Path) -> None:
    some = read(
        tmp_path,
        EVERY_SUBDOMAIN
        + '[criteria.agreement.subdomain."Optics"]\ngood = 0.5\npoor = 0.4\n'
        + '[student.small.criteria.agreement.subdomain."*"]\ngood = 0.3\npoor = 0.2\n',
    )
    criteria = some.criteria_for("small", slices=FIELDS)
    assert {str(each.slice): each.good for each in criteria} == {
        "subdomain Chemistry": 0.3,
        "subdomain Optics": 0.5,
    }


@pytest.mark.parametrize("slices", [None, slices_of([Question("1", "?")])])
def test_without_slices_a_wildcard_stays_as_it_is(tmp_path: Path, slices: Slices | None) -> None:
    (criterion,) = read(tmp_path, EVERY_SUBDOMAIN).criteria_for("any", slices=slices)
    assert criterion.by_wildcard
    assert criterion.name == "agreement[every subdomain]"


def test_no_wildcard(tmp_path: Path) -> None:
    assert not read(tmp_path, RETENTION).has_wildcards


def test_slices_are_counted_by_kind_and_name() -> None:
    questions = [
        Question("1", "?", subdomain="b", question_type="x"),
        Question("2", "?", subdomain="a"),
        Question("3", "?", subdomain="b"),
    ]
    found = slices_of(questions)
    assert found == {"subdomain": {"a": 1, "b": 2}, "question_type": {"x": 1}}
    assert list(found["subdomain"]) == ["a", "b"]


def test_a_students_section_replaces_the_general_one(tmp_path: Path) -> None:
    some = read(
        tmp_path,
        '[student."org/small@main".criteria.knowledge_retention_pct]\ngood = 60\npoor = 50\n'
        '[student."org/small@main".criteria.agreement]\ngood = 0.9\npoor = 0.5\n'
        + RETENTION
        + "[criteria.size_reduction_pct]\ngood = 50\npoor = 30\n",
    )
    general = some.criteria_for("other")
    assert [criterion.good for criterion in general] == [85.0, 50.0]
    own = some.criteria_for("small", "org/small@main")
    assert [(criterion.metric, criterion.good) for criterion in own] == [
        ("knowledge_retention_pct", 60.0),
        ("size_reduction_pct", 50.0),
        ("agreement", 0.9),
    ]
    assert own[0].section == '[student."org/small@main".criteria.knowledge_retention_pct]'


def test_gate(tmp_path: Path) -> None:
    some = read(tmp_path, '[gate]\nfail_on = ["acceptable", "poor"]\nborderline = "fail"\n')
    assert some.gate == Gate(("acceptable", "poor"), "fail")
    assert read(tmp_path, "[gate]\nfail_on = []\n").gate == Gate((), "pass")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[criteria.acuracy]\ngood = 1\npoor = 0\n", "[criteria.acuracy] names no metric"),
        ("[criteria.total]\ngood = 1\npoor = 0\n", "[criteria.total] cannot have bounds"),
        (
            "[criteria.throughput_gain]\ngood = 2\npoor = 1\n",
            "[criteria.throughput_gain] cannot have bounds",
        ),
        (RETENTION + "god = 3\n", "[criteria.knowledge_retention_pct] has an unknown key"),
        ("[criteria.agreement]\ngood = 1\n", "[criteria.agreement] lacks 'poor'"),
        ("[criteria.agreement]\n", "[criteria.agreement] lacks 'good'"),
        ("[criteria]\nagreement = 0.9\n", "criteria.agreement is no section"),
        ("criteria = 3\n", "criteria is no section"),
        ("[criteria.agreement]\ngood = 0.5\npoor = 0.9\n", "wrong way round"),
        ("[criteria.kl_nats]\ngood = 1\npoor = 0.1\n", "wrong way round"),
        (
            '[criteria.agreement]\ngood = "0.9"\npoor = 0\n',
            "criteria.agreement.good is no finite number",
        ),
        (
            "[criteria.agreement]\ngood = 1\npoor = true\n",
            "criteria.agreement.poor is no finite number",
        ),
        ("[criteria.agreement]\ngood = nan\npoor = 0\n", "no finite number"),
        ("[criteria.agreement]\ngood = inf\npoor = 0\n", "no finite number"),
        ("[criteria.agreement]\ngood = 1" + 400 * "0" + "\npoor = 0\n", "no finite number"),
        ("[criteria.agreement]\ngood = [1]\npoor = 0\n", "no finite number"),
        (
            '[criteria.agreement.subdomain."X"]\ngood = 1\n',
            "[criteria.agreement.subdomain.\"X\"] lacks 'poor'",
        ),
        (
            '[criteria.agreement.subdomain."X"]\ngood = 0\npoor = 1\n',
            '[criteria.agreement.subdomain."X"] has its bounds the wrong way round',
        ),
        (
            '[criteria.agreement.subdomain."X"]\ngood = 1\npoor = 0\nx = 1\n',
            '[criteria.agreement.subdomain."X"] has an unknown key',
        ),
        ("[criteria.agreement]\nsubdomain = 3\n", "criteria.agreement.subdomain is no section"),
        (
            '[criteria.speedup.subdomain."X"]\ngood = 2\npoor = 1\n',
            "cannot be judged by slice",
        ),
        (
            '[criteria.token_kl_nats.subdomain."X"]\ngood = 0\npoor = 1\n',
            "[criteria.token_kl_nats.subdomain] cannot be judged by slice",
        ),
        (
            '[criteria.distillation_gain.subdomain."*"]\ngood = 1\npoor = 0\n',
            "[criteria.distillation_gain.subdomain] cannot be judged by slice",
        ),
        (
            "[criteria.load_time_improvement_pct]\ngood = 50\npoor = 0\n",
            "[criteria.load_time_improvement_pct] cannot have bounds",
        ),
        ("[criteria.load_time_s]\ngood = 1\npoor = 2\n", "cannot have bounds"),
        ("[regression.load_time_s]\ntolerance_pct = 5\n", "cannot have bounds"),
        ("[criterion.agreement]\ngood = 1\npoor = 0\n", "the top level has an unknown key"),
        ("[gate]\nfail_on = 'poor'\n", "gate.fail_on is no list"),
        ("[gate]\nfail_on = ['pour']\n", "gate.fail_on holds what is no grade"),
        ("[gate]\nfail_on = ['good']\n", "gate.fail_on holds what is no grade"),
        ("[gate]\nfail_on = ['not_run']\n", "gate.fail_on holds what is no grade"),
        ("[gate]\nfail_on = [[]]\n", "gate.fail_on holds what is no grade"),
        ("[gate]\nborderline = 'maybe'\n", "gate.borderline cannot be used"),
        ("[gate]\nborderline = true\n", "gate.borderline cannot be used"),
        ("[gate]\nborderline = []\n", "gate.borderline cannot be used"),
        ("[gate]\nfailon = []\n", "[gate] has an unknown key"),
        ("gate = []\n", "gate is no section"),
        ("[regression.acuracy]\ntolerance_pct = 1\n", "[regression.acuracy] names no metric"),
        ("[regression.agreement]\ntolerance_pct = 1\n", "cannot be compared with a baseline"),
        ("[regression.latency_p90_s]\ntolerance_pct = 1\n", "cannot be compared"),
        ("[regression.accuracy]\ntolerance_pct = 100\n", "is no tolerance"),
        ("[regression.accuracy]\n", "lacks 'tolerance_pct'"),
        ("[regression.accuracy]\ntolerance = 1\n", "has an unknown key"),
        ("[regression.accuracy]\ntolerance_pct = -1\n", "is no tolerance"),
        ("[regression.accuracy]\ntolerance_pct = 'x'\n", "is no finite number"),
        ("[student.x]\ncriteria = 1\n", 'student."x".criteria is no section'),
        ('[student.x.gate]\nborderline = "fail"\n', 'student."x"] has an unknown key'),
        (
            "[student.x.criteria.acuracy]\ngood = 1\npoor = 0\n",
            '[student."x".criteria.acuracy] names no metric',
        ),
        ("[student]\nx = 1\n", 'student."x" is no section'),
        ("[criteria.agreement\n", "is no TOML"),
        (RETENTION + RETENTION, "is no TOML"),
        ("x = " + "9" * 10_000, "is no TOML"),
        ("x = " + "[" * 100_000, "is no TOML"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text).what


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("[criteria.acuracy_retention_pct]\ngood = 1\npoor = 0\n", "accuracy_retention_pct"),
        ("[regression.inference_time]\ntolerance_pct = 0\n", "inference_time_s"),
        (RETENTION + "goood = 3\n", "good"),
        ("[gate]\nfail_on = ['pooor']\n", "poor"),
        ("[gate]\nborderlin = 'pass'\n", "borderline"),
        ("[gate]\nborderline = 'passed'\n", "pass"),
        ("[regresion]\n", "regression"),
        ('[criteria.agreement.subdomian."X"]\ngood = 1\npoor = 0\n', "subdomain"),
    ],
)
def test_the_nearest_known_name_is_offered(tmp_path: Path, text: str, near: str) -> None:
    assert f"did you mean {near!r}?" in refusal(tmp_path, text).wanted


def test_swapped_bounds_show_both_numbers(tmp_path: Path) -> None:
    error = refusal(tmp_path, "[criteria.agreement]\ngood = 0.5\npoor = 0.9\n")
    assert error.got == "good = 0.5, poor = 0.9"


def test_every_gradable_metric_can_have_bounds(tmp_path: Path) -> None:
    usable = [name for name in CATALOG if why_not_gradable(name) is None]
    text = "".join(f"[criteria.{name}]\ngood = 1\npoor = 1\n" for name in usable)
    assert [criterion.metric for criterion in read(tmp_path, text).criteria] == usable


@pytest.mark.parametrize(
    "text",
    ["[criteria.kappa]\ngood = {}\npoor = 0", "[gate]\nfail_on = [{}]", "[gate]\nborderline = {}"],
)
def test_a_number_that_cannot_be_shown_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "thresholds.toml"
    path.write_text(text.format("0x" + "f" * 9000))
    with pytest.raises(ThresholdsError, match="thousands of digits"):
        read_thresholds(path)


@pytest.mark.parametrize("name", ["none.toml", "", "x" * 5000, "a\0b"])
def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ThresholdsError, match="cannot be read"):
        read_thresholds(tmp_path / name)


def test_what_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.toml"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(ThresholdsError, match="not UTF-8") as caught:
        read_thresholds(path)
    assert "offset 5" in caught.value.got


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "too large" in refusal(tmp_path, "#" * (2**20 + 1)).what
