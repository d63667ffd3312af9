"""Texts with labels in .jsonl: what is taken, and what is refused how."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill_fixtures.tasks.jsonl import read_jsonl
from distill_fixtures.tasks.prompts import build_prompt
from tests.tasks.test_jsonl import GOOD, refusal, write

BAD, FINE = {"text": "It leaks.", "label": "bad"}, {"text": "It shines.", "label": "fine"}


def test_all_fields_are_read(tmp_path: Path) -> None:
    slices = {"subdomain": "Optics", "question_type": "Review", "source": "page 3"}
    some = read_jsonl(write(tmp_path, FINE | slices | {"id": 7}, BAD | {"id": "b"}))
    first, second = some.questions
    assert (first.id, first.question, first.choices, first.answer) == (
        "7",
        "It shines.",
        ("bad", "fine"),
        1,
    )
    assert (first.subdomain, first.question_type, first.source) == tuple(slices.values())
    assert (second.id, second.answer, second.subdomain) == ("b", 0, None)
    assert (some.name, some.default_scoring) == ("some", "cloze")
    assert some.labels == {"bad": 2, "fine": 1}


def test_without_ids_the_line_number_is_the_id(tmp_path: Path) -> None:
    some = read_jsonl(write(tmp_path, BAD, "", FINE))
    assert [question.id for question in some.questions] == ["1", "3"]
    assert some.labels == {"bad": 1, "fine": 3}


def test_whole_numbers_are_sorted_by_value(tmp_path: Path) -> None:
    lines = [{"text": f"text {number}", "label": number} for number in (10, 9, 2, "2", " 10 ")]
    some = read_jsonl(write(tmp_path, *lines))
    assert some.questions[0].choices == ("2", "9", "10")
    assert [question.answer for question in some.questions] == [2, 1, 0, 0, 2]
    mixed = read_jsonl(write(tmp_path, *lines, {"text": "other", "label": "none"}))
    assert mixed.questions[0].choices == ("10", "2", "9", "none")


def test_a_limit_leaves_the_labels_of_the_whole_file(tmp_path: Path) -> None:
    some = read_jsonl(write(tmp_path, FINE, BAD, FINE | {"text": "Other."}), limit=1)
    assert some.partial
    assert len(some) == 1
    assert some.questions[0].choices == ("bad", "fine")
    assert set(some.labels) == {"bad", "fine"}


def test_questions_of_other_kinds_have_no_labels(tmp_path: Path) -> None:
    assert read_jsonl(write(tmp_path, GOOD)).labels == {}


def test_how_it_is_put_to_models_that_write(tmp_path: Path) -> None:
    question = read_jsonl(write(tmp_path, FINE, BAD)).questions[0]
    assert build_prompt(question, "cloze") == ("Question: It shines.\nAnswer:", (" bad", " fine"))
    assert build_prompt(question, "classify") == ("It shines.", ("bad", "fine"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (FINE | {"text": " \t"}, "text is blank"),
        (FINE | {"label": " "}, "label is blank"),
        (FINE | {"label": True}, "true or false"),
        (FINE | {"label": 1.5}, "a number with a point"),
        (FINE | {"label": None}, "null"),
        (FINE | {"label": ["bad"]}, "a list"),
        (FINE | {"text": 5}, "a whole number"),
        ({"text": "It shines."}, "'label' is missing"),
        ({"label": "fine"}, "'text' is missing"),
        (FINE | {"lable": "fine"}, "did you mean 'label'"),
        ({"sentence": "It shines.", "label": "fine"}, "'sentence'"),
        (FINE | {"choices": ["bad", "fine"]}, "'choices'"),
        (FINE | {"text": "\ud800"}, "surrogate"),
    ],
)
def test_refused(line: dict[str, object], said: str, tmp_path: Path) -> None:
    error = refusal(write(tmp_path, BAD, line))
    assert "line 2" in error.what
    assert said in f"{error.what} {error.got} {error.wanted}"


def test_both_kinds_on_one_line(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, GOOD | {"text": "It shines."}))
    assert "'text'" in error.got


@pytest.mark.parametrize("other", [GOOD, {"id": "q", "question": "Who?", "answer": "Bohr"}])
def test_mixed_with_questions(other: dict[str, object], tmp_path: Path) -> None:
    error = refusal(write(tmp_path, BAD | {"id": "a"}, FINE | {"id": "b"}, other | {"id": "c"}))
    assert "mixes" in error.what
    assert "line 3" in error.got
    assert "line 1" in error.got


def test_a_single_label_tells_nothing_apart(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, FINE, FINE | {"text": "Other."}))
    assert "fewer than two labels" in error.what
    assert "'fine'" in error.got


def test_labels_that_are_texts_of_their_own(tmp_path: Path) -> None:
    lines = [{"text": f"text {number}", "label": f"label {number}"} for number in range(1001)]
    assert "too many labels" in refusal(write(tmp_path, *lines)).what


def test_ids_on_some_lines(tmp_path: Path) -> None:
    assert "id is missing" in refusal(write(tmp_path, FINE | {"id": 1}, BAD)).what


def test_a_label_of_very_many_digits_is_sorted_as_text(tmp_path: Path) -> None:
    digits = "9" * 5000
    some = read_jsonl(write(tmp_path, FINE | {"label": digits}, FINE | {"label": "10"}))
    assert some.questions[0].choices == ("10", digits)
