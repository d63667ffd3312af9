"""report.html: right and whole for every kind of run."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import textwrap
from itertools import pairwise
from typing import Any

import pytest

from distill_fixtures.catalog import CATALOG, format_value
from distill_fixtures.report.html.files import PLOT_NAMES
from distill_fixtures.report.html.page import Report, draw_report
from distill_fixtures.report.interval_words import interval_text
from tests.report.made_up_run import MadeUpRun
from tests.report.page_documents import CASES, MARKUP
from tests.report.parsed_page import Page, parse

MOST_BYTES = 1_500_000


@functools.cache
def drawn(case: str) -> tuple[dict[str, Any], Report, Page]:
    """Document, report and parsed page of a case, made once."""
    documents = CASES[case]()
    report = draw_report(documents.metrics, documents.comparison)
    return documents.metrics, report, parse(report.html)


def plots_of(page: Page) -> set[str]:
    return {each.attributes["id"].removeprefix("plot-") for each in page.all("figure")}


each_case = pytest.mark.parametrize("case", CASES)


# Every page.


@each_case
def test_the_page_stands_alone(case: str) -> None:
    """No script, no other file, no address outside the page."""
    _, report, page = drawn(case)
    assert len(report.html.encode()) <= MOST_BYTES
    assert not page.all("script")
    assert not page.all("img")
    assert not page.all("iframe")
    for each in page.elements:
        for key, value in each.attributes.items():
            assert not key.startswith("on"), each
            if key in ("src", "href", "action", "data"):
                assert value.startswith("#") or value == "data:,", each
            assert all(f.startswith("(#") for f in re.findall(r"url(\([^)]*\))", value)), each
    (style,) = page.all("style")
    assert "url(" not in style.words
    assert "@import" not in style.words
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"].startswith("default-src 'none'")


@each_case
def test_names_are_one_each_and_lead_somewhere(case: str) -> None:
    _, _, page = drawn(case)
    names = [each.attributes["id"] for each in page.elements if "id" in each.attributes]
    assert len(names) == len(set(names))
    for each in page.elements:
        for key in ("aria-labelledby", "aria-describedby"):
            assert set(each.attributes.get(key, "").split()) <= set(names)
        link = each.attributes.get("href", "")
        if link.startswith("#"):
            assert link[1:] in names, each
        for name in re.findall(r"url\(#([^)]*)\)", " ".join(each.attributes.values())):
            assert name in names, each


@each_case
def test_headings_go_down_by_one(case: str) -> None:
    _, _, page = drawn(case)
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels))


@each_case
def test_every_plot_has_words_and_a_table(case: str) -> None:
    _, report, page = drawn(case)
    assert plots_of(page) == set(report.pngs) <= set(PLOT_NAMES)
    for name in report.pngs:
        assert report.pngs[name].startswith(b"\x89PNG")
        title, description = (
            page.named(f"plot-{name}-{part}") for part in ("title", "description")
        )
        assert title.words
        assert description.words.endswith(".")
    drawings = [each for each in page.all("svg", role_="img") if "figure" in each.inside]
    assert len(drawings) == len(report.pngs)
    tables = [each for each in page.all("table") if "figure" in each.inside]
    assert len(tables) == len(report.pngs)
    assert all("details" in each.inside for each in tables)
    for each in page.all("svg"):
        named = {"aria-labelledby", "aria-label", "aria-hidden"} & each.attributes.keys()
        assert named or "svg" in each.inside


@each_case
def test_tables_have_captions_and_headings(case: str) -> None:
    _, _, page = drawn(case)
    assert len(page.all("caption")) == len(page.all("table"))
    for each in page.all("th"):
        assert each.attributes["scope"] in ("col", "row")
    for each in page.all("div", class_="scroll"):
        assert each.attributes["tabindex"] == "0"
        assert each.attributes["aria-label"]


@each_case
def test_every_figure_of_the_document_stands_on_the_page(case: str) -> None:
    """As the catalogue formats it; where it is null, its reason stands there."""
    document, _, page = drawn(case)
    words = page.words
    models = [role for role in ("teacher", "student", "control") if document[role] is not None]
    places = [
        (f"{role}.{part}", document[role][part])
        for role in models
        for part in ("size", "accuracy", "benchmark", "memory")
        if role != "control" or part in ("size", "accuracy")
    ]
    places.append(("distillation", document["distillation"]))
    places.append(("distillation.fidelity", document["distillation"]["fidelity"]))
    seen = 0
    for place, section in places:
        for name, value in section.items():
            if name not in CATALOG or CATALOG[name].alias_of or CATALOG[name].keyed:
                continue
            seen += 1
            if value is not None:
                assert format_value(name, value) in words, f"{place}.{name}"
            elif case != "markup":
                assert document["reasons"][f"{place}.{name}"] in words, f"{place}.{name}"
            assert CATALOG[name].label in words
    assert seen > 80


@each_case
def test_intervals_stand_beside_their_figures(case: str) -> None:
    document, _, page = drawn(case)
    for name, (low, high) in document["distillation"]["intervals"].items():
        metric = name.partition(".")[0]
        assert interval_text(metric, (low, high)) in page.words, name


@each_case
def test_the_verdict_stands_at_the_top(case: str) -> None:
    document, _, page = drawn(case)
    verdict = document["verdict"]
    (head,) = page.all("header")
    assert verdict["overall"].replace("_", " ") in head.words
    assert f"gate: {verdict['gate']}" in head.words
    cards = page.all("article")
    assert len(cards) == len(verdict["criteria"])
    for card, criterion in zip(cards, verdict["criteria"], strict=True):
        assert CATALOG[criterion["metric"]].label.removesuffix(", S / T") in card.words
        assert criterion["grade"].replace("_", " ") in card.words
        assert criterion["message"] in card.words
        if criterion["value"] is not None:
            for name in ("value", "good", "poor"):
                assert format_value(criterion["metric"], criterion[name]) in card.words
        if criterion["reason"] is not None:
            assert criterion["reason"] in card.words
        if criterion["stability"] is not None:
            assert "of draws get this grade" in card.words


@each_case
def test_what_makes_the_run_again_is_there(case: str) -> None:
    document, _, page = drawn(case)
    (command,) = page.all("pre", class_="command")
    assert command.words.startswith("pytest \\\n")
    for flag in document["run"]["options"]:
        assert flag in page.words
    for package, version in document["environment"]["versions"].items():
        assert f"{package}{version}" in page.words.replace(" ", "")


# What is special about some.


def test_a_whole_run_has_every_plot() -> None:
    _, _, page = drawn("whole")
    assert plots_of(page) == set(PLOT_NAMES) - {"regression"}
    assert "demo:control" in page.words


@pytest.mark.parametrize(
    ("case", "missing", "sentence"),
    [
        ("generate", {"calibration"}, "Calibration: this scoring gives no score for every option"),
        ("free text", {"calibration", "question_types"}, "no score for every option"),
        ("no control", set(), "Control: there is no control model"),
        ("no times", {"latency", "times", "throughput", "memory"}, "Throughput over batch size: "),
        ("sizes alone", set(PLOT_NAMES) - {"regression"}, "Accuracy with intervals: "),
        ("classify", set(), "a classifier writes no tokens: its time is inference_time_s"),
        ("encoder-decoder", set(), "gives no probability of the next token of a plain text."),
        ("served teacher", set(), "a server does not say it; a file can (&card=FILE in"),
    ],
)
def test_what_is_missing_is_said(case: str, missing: set[str], sentence: str) -> None:
    _, _, page = drawn(case)
    assert plots_of(page) == set(PLOT_NAMES) - {"regression"} - missing
    assert sentence in page.words


def test_criteria_that_fail_or_are_not_judged() -> None:
    _, _, failing = drawn("failing")
    assert failing.all("article", class_="card poor")
    assert "gate: fail" in failing.words
    document, _, unjudged = drawn("not judged")
    assert unjudged.all("article", class_="card not_judged")
    reasons = [each["reason"] for each in document["verdict"]["criteria"] if each["reason"]]
    assert reasons
    assert all(reason in unjudged.words for reason in reasons)
    grades = {each["grade"] for each in document["verdict"]["criteria"]}
    assert {"not_judged", document["verdict"]["overall"]} <= grades
    for page, is_open in ((unjudged, True), (failing, False)):
        (head,) = page.all("header")
        assert ("where judged" in head.words) is is_open


def test_a_partial_or_noisy_run_says_so_before_all_figures() -> None:
    for case, words in (
        ("partial", "Partial run: --distill-limit 60"),
        ("noisy machine", "The machine was not quiet: others used 1.50 of 2 cores (batch size 1)"),
    ):
        _, _, page = drawn(case)
        (notice,) = page.all("div", class_="notice warning")
        assert words in " ".join(notice.words.split())


def test_a_baseline_is_compared_figure_by_figure() -> None:
    _, _, page = drawn("baseline")
    assert "regression" in plots_of(page)
    for words in (
        "+7.5 % (+6.1 to +8.9)",
        "5 % higher",
        "5 % lower",
        "questions: old then, new now",
        "not comparable",
        "5 and 5 processes",
        "/earlier/distillation_metrics.json",
    ):
        assert words in page.words, words
    assert "Change since the baseline: " in drawn("whole")[2].words


def test_an_adapter_shows_what_merging_brings() -> None:
    document, _, page = drawn("adapter")
    merged = document["student"]["benchmark"]["merged"]
    (found,) = [each for each in page.all("table") if "adapter merged" in each.words]
    for name in ("inference_time_s", "ttft_s", "tpot_s", "tokens_per_s", "speedup"):
        assert format_value(name, merged[name]) in found.words, name
    assert interval_text("speedup", merged["speedup_ci95"]) in found.words
    assert "adapter merged" not in drawn("whole")[2].words


def test_a_model_that_only_one_can_tell_of_is_drawn_alone() -> None:
    """Behind a server the teacher has no memory curve; the student's is drawn."""
    document, _, page = drawn("served teacher")
    assert "at most" in page.named("plot-memory-description").words
    assert "teacher at most" not in page.named("plot-memory-description").words
    assert "smaller on disk" not in page.all("header")[0].words
    assert document["teacher"]["size"]["disk_bytes"] is None


def test_free_text_answers_are_shown() -> None:
    _, _, page = drawn("free text")
    assert "no idea" in page.words
    assert "the 3" in page.words
    assert "Letters count" not in page.words


def test_questions_that_changed_sides_are_bounded() -> None:
    document, _, page = drawn("failing")
    lost = (
        document["dataset"]["questions"]
        * document["distillation"]["fidelity"]["negative_flip_rate"]
    )
    assert lost > 15
    assert f"{lost - 15:.0f} more of {lost:.0f} questions are in the JSON file." in page.words


# What users write.


def test_markup_of_users_is_text() -> None:
    _, report, page = drawn("markup")
    (head,) = page.all("header")
    assert MARKUP in head.words
    assert "</title></style><img src=x onerror=alert(2)>" in head.words
    for words in (
        "<b>set</b>",
        "<iframe src='http://evil.example'>",
        '"><svg onload=alert(3)>',
        "<a href='javascript:alert(4)'>",
        "<pre>&amp;</pre>",
        "<u>why</u>",
        "<i>so</i>",
    ):
        assert words in page.words, words
    drawing = next(each for each in page.all("svg") if "subdomains-title" in str(each.attributes))
    assert "<script>$x^2$</script>" in drawing.words
    assert "\x1b" not in report.html
    assert "\u202e" not in report.html


def test_a_command_line_survives_a_shell() -> None:
    """What a user's option holds is one word of it, whatever stands in it."""
    import shlex

    document, _, page = drawn("markup")
    (command,) = page.all("pre", class_="command")
    words = shlex.split(command.words)
    assert f"--data-path={document['run']['options']['--data-path']}" in words


# How it is drawn.


def test_both_themes_have_every_colour() -> None:
    from distill_fixtures.report.html.palette import COLOURS

    _, report, page = drawn("whole")
    (style,) = page.all("style")
    light, _, dark = style.words.partition("prefers-color-scheme: dark")
    for name in COLOURS:
        assert f"--{name}: #" in light
        assert f"--{name}: #" in dark
    drawings = "".join(re.findall(r"<svg viewBox.*?</svg>", report.html, flags=re.DOTALL))
    assert len(drawings) > 10_000
    assert not re.findall(r"#[0-9a-f]{6}\b", drawings), "a colour that a dark page cannot change"
    used = set(re.findall(r"var\(--(\w+)\)", report.html))
    assert all(f"--{name}:" in style.words for name in used)


def test_the_same_run_gives_the_same_page() -> None:
    documents = CASES["whole"]()
    again = draw_report(documents.metrics, documents.comparison)
    _, report, _ = drawn("whole")
    assert again.html == report.html
    assert again.pngs == report.pngs


def test_a_large_run_stays_small() -> None:
    run = MadeUpRun(questions=3000, rounds=60, control=False)
    documents = run.documents()
    report = draw_report(documents.metrics, documents.comparison)
    assert len(report.html.encode()) <= MOST_BYTES


def test_settings_of_the_user_change_nothing_and_are_left_alone() -> None:
    import matplotlib

    documents = CASES["no times"]()
    plain = draw_report(documents.metrics, documents.comparison)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "#ff0000"}):
        before = dict(matplotlib.rcParams)
        assert draw_report(documents.metrics, documents.comparison) == plain
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("case", "heavy"), [("sizes alone", False), ("no times", True)])
def test_matplotlib_is_imported_only_to_draw(case: str, heavy: bool) -> None:
    code = f"""
        import sys
        from tests.report.page_documents import CASES
        from distill_fixtures.report.html.page import draw_report
        documents = CASES[{case!r}]()
        assert "matplotlib" not in sys.modules
        draw_report(documents.metrics, documents.comparison)
        assert ("matplotlib" in sys.modules) is {heavy}
        assert not {{"torch", "matplotlib.pyplot"}} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
