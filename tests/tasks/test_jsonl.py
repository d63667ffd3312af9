"""The .jsonl reader: what it takes, and what it refuses how."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from distill_fixtures.errors import QuestionFileError
from distill_fixtures.tasks.jsonl import read_jsonl

GOOD = {"id": "q1", "question": "2 + 2?", "choices": ["3", "4"], "answer": 1}


def write(folder: Path, *lines: object) -> Path:
    path = folder / "some.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def refusal(path: Path) -> QuestionFileError:
    started = time.monotonic()
    with pytest.raises(QuestionFileError) as caught:
        read_jsonl(path)
    assert time.monotonic() - started < 5
    assert str(path) in caught.value.what
    for part in (caught.value.got, caught.value.wanted, caught.value.next_step):
        assert part
        assert len(part) < 600
    str(caught.value).encode("utf-8")
    return caught.value


def test_all_fields_are_read(tmp_path: Path) -> None:
    labels = {"subdomain": "Optics", "question_type": "Numerical", "source": "page 3"}
    some = read_jsonl(write(tmp_path, GOOD | labels))
    question = some.questions[0]
    assert (question.id, question.question) == ("q1", "2 + 2?")
    assert (question.choices, question.answer) == (("3", "4"), 1)
    assert (question.subdomain, question.question_type, question.source) == tuple(labels.values())
    assert (some.name, some.default_scoring) == ("some", "cloze")


@pytest.mark.parametrize(("answer", "index"), [(0, 0), (1, 1), ("A", 0), ("b", 1)])
def test_answer_is_an_index_or_a_letter(tmp_path: Path, answer: object, index: int) -> None:
    assert read_jsonl(write(tmp_path, GOOD | {"answer": answer})).questions[0].answer == index


def test_free_text_is_for_generate_scoring(tmp_path: Path) -> None:
    some = read_jsonl(
        write(
            tmp_path,
            {"id": 1, "question": "Who?", "answer": "Bohr"},
            {"id": 2, "question": "What?", "answers": ["3 eV", "three eV"]},
        )
    )
    assert some.default_scoring == "generate"
    assert [question.answers for question in some.questions] == [("Bohr",), ("3 eV", "three eV")]
    assert all(question.is_free_text and question.answer is None for question in some.questions)
    assert [question.id for question in some.questions] == ["1", "2"]


def test_without_ids_the_line_number_is_the_id(tmp_path: Path) -> None:
    bare = {key: value for key, value in GOOD.items() if key != "id"}
    path = write(tmp_path, bare, "", bare | {"question": "Other?"})
    assert [question.id for question in read_jsonl(path).questions] == ["1", "3"]


def test_null_labels_and_blank_labels_mean_none(tmp_path: Path) -> None:
    some = read_jsonl(write(tmp_path, GOOD | {"subdomain": None, "source": "  "}))
    assert some.questions[0].subdomain is None
    assert some.questions[0].source is None


def test_byte_order_mark_and_windows_line_ends_are_let_through(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    second = GOOD | {"id": "q2", "question": "β?"}
    text = json.dumps(GOOD) + "\r\n" + json.dumps(second, ensure_ascii=False) + "\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [question.question for question in read_jsonl(path).questions] == ["2 + 2?", "β?"]


def test_line_separators_inside_a_text_end_no_line(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    text = json.dumps(GOOD | {"question": "a\u2028b\x85c?"}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    assert read_jsonl(path).questions[0].question == "a\u2028b\x85c?"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": 1, "question": "Q', "no complete JSON"),
        ("[" + json.dumps(GOOD) + "]", "no JSON object"),
        ("17", "no JSON object"),
        (json.dumps(GOOD) + json.dumps(GOOD), "no complete JSON"),
        ('{"id": "1", "id": "2"}', "stands twice"),
        (json.dumps(GOOD | {"answer": float("nan")}), "JSON does not have"),
        (json.dumps(GOOD | {"answer": float("inf")}), "JSON does not have"),
        ("[" * 200_000, "cannot be parsed"),
        ('{"question": ' + "[" * 200_000 + "]" * 200_000 + "}", "cannot be parsed"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "cannot be parsed"),
        ('{"id": ' + "9" * 10_000 + "}", "cannot be parsed"),
        ('{"answer": "x", "question": ' + "[" * 300 + "]" * 300 + "}", "wrong type of 'question'"),
    ],
)
def test_what_is_no_object_is_refused(tmp_path: Path, line: str, words: str) -> None:
    error = refusal(write(tmp_path, GOOD, line))
    assert words in error.what
    assert "line 2" in error.what


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"qestion": "?"}, "unknown field"),
        ({"question": 3}, "wrong type of 'question'"),
        ({"question": None}, "wrong type of 'question'"),
        ({"question": " "}, "question is blank"),
        ({"choices": "ab"}, "wrong type of 'choices'"),
        ({"choices": {"A": "x"}}, "wrong type of 'choices'"),
        ({"choices": ["a", 2]}, "wrong type of entry 2 in 'choices'"),
        ({"choices": []}, "'choices' is empty"),
        ({"choices": ["a"], "answer": 0}, "fewer than two distinct options"),
        ({"choices": ["a", "a"]}, "fewer than two distinct options"),
        ({"choices": ["a", ""]}, "option 2 is blank"),
        ({"choices": [str(number) for number in range(1001)]}, "too many options"),
        ({"answer": 2}, "out of range"),
        ({"answer": -1}, "out of range"),
        ({"answer": 10**400}, "out of range"),
        ({"answer": "C"}, "out of range"),
        ({"answer": True}, "no usable 'answer'"),
        ({"answer": 1.0}, "no usable 'answer'"),
        ({"answer": None}, "no usable 'answer'"),
        ({"answer": "1"}, "text, but no letter"),
        ({"answer": "é"}, "text, but no letter"),
        ({"answer": ["A"]}, "no usable 'answer'"),
        ({"answers": ["x"]}, "'answers' beside 'choices'"),
        ({"id": True}, "wrong type of 'id'"),
        ({"id": 1.5}, "wrong type of 'id'"),
        ({"id": ["x"]}, "wrong type of 'id'"),
        ({"id": " "}, "id is blank"),
        ({"subdomain": 3}, "wrong type of 'subdomain'"),
        ({"question": "\ud800"}, "surrogate"),
        ({"choices": None}, "wrong type of 'answer' in a question without choices"),
        ({"choices": None, "answer": None}, "needs its answer"),
        ({"choices": None, "answer": "x", "answers": ["x"]}, "needs its answer"),
        ({"choices": None, "answer": None, "answers": []}, "'answers' is empty"),
        ({"choices": None, "answer": " "}, "answer 1 is blank"),
    ],
)
def test_a_bad_question_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    error = refusal(write(tmp_path, GOOD, GOOD | {"id": "q2"} | changes))
    assert words in error.what
    assert "line 2" in error.what


def test_an_unknown_field_gets_the_nearest_known_one(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, GOOD | {"subdomian": "x"}))
    assert error.got == "'subdomian'"
    assert "did you mean 'subdomain'?" in error.wanted


def test_a_missing_question_names_what_is_there(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, {"id": "1", "choices": ["a", "b"], "answer": 0}))
    assert "'question' is missing" in error.what
    assert error.got == "the fields id, choices, answer"


def test_an_empty_object_is_refused(tmp_path: Path) -> None:
    assert "line 1" in refusal(write(tmp_path, {})).what


@pytest.mark.parametrize("identifiers", [("q1", "q1"), (1, "1")])
def test_repeated_ids_name_both_lines(tmp_path: Path, identifiers: tuple[object, object]) -> None:
    error = refusal(write(tmp_path, *(GOOD | {"id": identifier} for identifier in identifiers)))
    assert "line 2" in error.what
    assert "line 1" in error.what


def test_an_id_missing_on_one_line_only_is_refused(tmp_path: Path) -> None:
    bare = {key: value for key, value in GOOD.items() if key != "id"}
    error = refusal(write(tmp_path, GOOD, bare))
    assert "line 2: the id is missing" in error.what


def test_mixed_kinds_are_refused(tmp_path: Path) -> None:
    free = {"id": "q2", "question": "Who?", "answer": "Bohr"}
    assert "mixes two kinds" in refusal(write(tmp_path, GOOD, free)).what


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(content)
    assert "no question" in refusal(path).what


def test_what_is_not_utf8_is_refused_with_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    first = json.dumps(GOOD).encode() + b"\n"
    path.write_bytes(first + b'{"id": "\xe9"}\n')
    error = refusal(path)
    assert "line 2" in error.what
    assert error.got == f"byte 0xe9 at offset {len(first) + 8}"


def test_utf16_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps(GOOD), encoding="utf-16")
    assert "offset 0" in refusal(path).got


def test_a_line_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, GOOD | {"question": "x" * 2**20}))
    assert "line 1 is too long" in error.what


def test_a_million_empty_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_bytes(b"\n" * 1_000_001)
    assert "too many lines" in refusal(path).what


def test_a_sparse_file_of_a_terabyte_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill_fixtures.tasks.json_lines.MOST_FILE_BYTES", 1000)
    path = tmp_path / "some.jsonl"
    with path.open("wb") as file:
        file.truncate(2**40)
    error = refusal(path)
    assert "too large" in error.what
    assert error.got == f"{2**40} bytes"
