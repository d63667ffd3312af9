"""The QuantumBench reader, on a miniature in its format and, where it lies, on the real file."""

from __future__ import annotations

import csv
import io
import os
import random
import struct
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from distill_fixtures.errors import QuestionFileError
from distill_fixtures.options.of_questions import PUBLISHED_PASSWORD
from distill_fixtures.records import QuestionSet
from distill_fixtures.tasks.quantumbench import (
    CATEGORY_COLUMNS,
    OPTION_COLUMNS,
    QUESTION_COLUMNS,
    read_quantumbench,
)

REAL = os.environ.get("QUANTUMBENCH_PATH")
needs_real_file = pytest.mark.skipif(
    not REAL, reason="QUANTUMBENCH_PATH does not say where QuantumBench lies"
)
LABELS = [
    ("Optics", "Numerical Calculation"),
    ("Photonics", "Conceptual Understanding"),
    ("Numerical Calculation", "Numerical Calculation"),
    ("Optics", "Conceptual Understanding"),
]


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """A csv as published: byte order mark, every field quoted where needed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def question_rows() -> list[dict[str, str]]:
    rows = []
    for number in range(4):
        row = {"Question id": str(number), "Question": f"Made-up question\n{number}, of a test?"}
        row |= {
            column: f"option {place} of {number}" for place, column in enumerate(OPTION_COLUMNS)
        }
        row |= {"Platform": "made up", "Problem URL": f"https://example.org/{number // 2}"}
        rows.append(row)
    rows[1]["Incorrect Answer 2"] = rows[1]["Incorrect Answer 5"]
    rows[2]["Incorrect Answer 3"] = rows[2]["Correct Answer"]
    rows[3]["Problem URL"] = ""
    return rows


def questions_csv(rows: Sequence[Mapping[str, str]] | None = None) -> bytes:
    columns = (*QUESTION_COLUMNS, "Platform", "Problem URL")
    return table(columns, question_rows() if rows is None else rows)


def category_csv(identifiers: Sequence[str] = ("0", "1", "2", "3")) -> bytes:
    rows = [
        dict(zip(CATEGORY_COLUMNS, (identifier, *labels), strict=True))
        for identifier, labels in zip(identifiers, LABELS, strict=False)
    ]
    return table((*CATEGORY_COLUMNS, "(tag)"), rows)


class ZipCrypto:
    """The classic encryption of zip archives, as PKWARE's APPNOTE 6.1 describes it."""

    def __init__(self, password: bytes) -> None:
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self.update(byte)

    def update(self, byte: int) -> None:
        def crc(value: int, byte: int) -> int:
            return zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

        first, second, third = self.keys
        first = crc(first, byte)
        second = ((second + (first & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        self.keys = [first, second, crc(third, second >> 24)]

    def encrypt(self, content: bytes) -> bytes:
        out = bytearray()
        for byte in content:
            word = self.keys[2] | 2
            out.append(byte ^ ((word * (word ^ 1)) >> 8) & 0xFF)
            self.update(byte)
        return bytes(out)


def encrypted_zip(path: Path, members: Mapping[str, bytes], password: str) -> Path:
    """Write deflated, encrypted members; the standard library can only read such."""
    local, central = bytearray(), bytearray()
    for name, content in members.items():
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(content) + packer.flush()
        crc = zlib.crc32(content)
        body = ZipCrypto(password.encode()).encrypt(bytes(11) + bytes([crc >> 24]) + packed)
        sizes = (crc, len(body), len(content), len(name), 0)
        central += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 1, 8, 0, 33, *sizes, 0, 0, 0, 0, len(local)
        )
        central += name.encode()
        local += struct.pack("<4s5H3I2H", b"PK\3\4", 20, 1, 8, 0, 33, *sizes) + name.encode() + body
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, len(members), len(members), len(central), len(local), 0
    )
    path.write_bytes(bytes(local + central + end))
    return path


def plain_zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def both_members() -> dict[str, bytes]:
    return {
        "quantumbench/quantumbench.csv": questions_csv(),
        "quantumbench/category.csv": category_csv(),
    }


def read(path: Path, password: str = PUBLISHED_PASSWORD, limit: int | None = None) -> QuestionSet:
    return read_quantumbench(path, password=password, limit=limit)


def refusal(path: Path, password: str = PUBLISHED_PASSWORD) -> QuestionFileError:
    started = time.monotonic()
    with pytest.raises(QuestionFileError) as caught:
        read(path, password)
    assert time.monotonic() - started < 5
    assert str(path.parent) in caught.value.what
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quantumbench.csv").write_bytes(questions_csv())
    (tmp_path / "category.csv").write_bytes(category_csv())
    return tmp_path


def check_miniature(some: QuestionSet) -> None:
    assert [question.id for question in some.questions] == ["0", "1", "2", "3"]
    assert [question.subdomain for question in some.questions] == [
        "Optics",
        "Photonics",
        None,
        "Optics",
    ]
    assert [question.question_type for question in some.questions] == [kind for _, kind in LABELS]
    assert [question.source for question in some.questions] == [
        "https://example.org/0",
        "https://example.org/0",
        "https://example.org/1",
        None,
    ]
    assert some.default_scoring == "letter"
    assert some.defects == {
        "repeated_options": 2,
        "repeated_reference": 1,
        "repeated_question_text": 0,
        "unlabelled": 1,
    }
    assert len(some.warnings) == 3


def test_folder(folder: Path) -> None:
    some = read(folder)
    check_miniature(some)
    assert some.name == "quantumbench"
    assert some.questions[0].question == "Made-up question\n0, of a test?"


def test_folder_above(folder: Path) -> None:
    inner = folder / "quantumbench"
    inner.mkdir()
    for name in ("quantumbench.csv", "category.csv"):
        (folder / name).rename(inner / name)
    check_miniature(read(folder))


def test_folder_that_holds_the_archive(tmp_path: Path) -> None:
    encrypted_zip(tmp_path / "quantumbench.zip", both_members(), PUBLISHED_PASSWORD)
    check_miniature(read(tmp_path))


def test_csv_with_categories_beside_it(folder: Path) -> None:
    check_miniature(read(folder / "quantumbench.csv"))


def test_csv_alone_has_no_labels(folder: Path) -> None:
    (folder / "category.csv").unlink()
    some = read(folder / "quantumbench.csv")
    assert {question.subdomain for question in some.questions} == {None}
    assert {question.question_type for question in some.questions} == {None}
    assert some.defects["unlabelled"] == 4
    assert not any("subdomain" in warning for warning in some.warnings)


@pytest.mark.parametrize("inner", ["quantumbench/", ""])
def test_encrypted_zip(tmp_path: Path, inner: str) -> None:
    members = {inner + Path(name).name: content for name, content in both_members().items()}
    check_miniature(read(encrypted_zip(tmp_path / "x.zip", members, "secret"), "secret"))


def test_zip_without_encryption(tmp_path: Path) -> None:
    check_miniature(read(plain_zip(tmp_path / "x.zip", both_members())))


def test_every_form_has_the_same_digest(folder: Path) -> None:
    archive = encrypted_zip(folder / "x.zip", both_members(), "secret")
    digests = {
        read(path, "secret").digest for path in (folder, folder / "quantumbench.csv", archive)
    }
    assert len(digests) == 1


def test_options_are_shuffled_as_the_authors_do_it(folder: Path) -> None:
    for index, (question, row) in enumerate(
        zip(read(folder).questions, question_rows(), strict=True)
    ):
        options = [row[column] for column in OPTION_COLUMNS]
        random.seed(0 + index)
        random.shuffle(options)
        assert question.choices == tuple(options)
        assert question.reference_text == row["Correct Answer"]


def test_reading_leaves_the_global_random_state_be(folder: Path) -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    read(folder)
    assert random.random() == expected


def test_limit(folder: Path) -> None:
    some = read(folder, limit=2)
    assert len(some) == 2
    assert some.partial
    assert some.questions == read(folder).questions[:2]


@pytest.mark.parametrize("password", ["wrong", "", "é", "\udc80"])
def test_a_wrong_password_is_refused(tmp_path: Path, password: str) -> None:
    error = refusal(encrypted_zip(tmp_path / "x.zip", both_members(), "secret"), password)
    assert error.wanted == "the right password"
    assert "--distill-data-password" in error.next_step


def test_a_wrong_password_that_passes_the_one_byte_check_is_refused(tmp_path: Path) -> None:
    path = encrypted_zip(tmp_path / "x.zip", both_members(), "secret")
    faults = {refusal(path, str(number)).got[:12] for number in range(1500)}
    # Most are told by the check byte; about one in 256 only by the content.
    assert "Bad password" in faults
    assert len(faults) > 1


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", both_members())
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)
    assert refusal(path).wanted == "an undamaged archive"


def test_a_zip_with_any_byte_changed_is_read_or_refused(tmp_path: Path) -> None:
    path = encrypted_zip(tmp_path / "x.zip", both_members(), "secret")
    whole = path.read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(400):
        place = chance.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([chance.randrange(256)]) + whole[place + 1 :])
        try:
            read(path, "secret")
        except QuestionFileError:
            refused += 1
    assert refused > 100


def test_a_zip_with_bytes_cut_out_is_refused(tmp_path: Path) -> None:
    # Offsets then point before the archive's start.
    path = encrypted_zip(tmp_path / "x.zip", both_members(), "secret")
    content = path.read_bytes()
    path.write_bytes(content[:200] + content[210:])
    refusal(path, "secret")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.98])
def test_a_cut_off_zip_is_refused(tmp_path: Path, kept: float) -> None:
    path = plain_zip(tmp_path / "x.zip", both_members())
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    assert "no zip archive" in refusal(path).what


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(questions_csv())
    assert "no zip archive" in refusal(path).what


@pytest.mark.parametrize(
    "name",
    ["../quantumbench.csv", "/quantumbench.csv", "quantumbench/../quantumbench.csv", "x.csv"],
)
def test_only_members_of_the_published_names_are_read(tmp_path: Path, name: str) -> None:
    path = plain_zip(tmp_path / "x.zip", {name: questions_csv()})
    error = refusal(path)
    assert "holds no QuantumBench" in error.what
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zip"]


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = {"quantumbench/quantumbench.csv": bytes(40 * 2**20)}
    assert "at most" in refusal(plain_zip(tmp_path / "x.zip", bomb)).wanted


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = plain_zip(tmp_path / "x.zip", {"quantumbench/quantumbench.csv": bytes(40 * 2**20)})
    true_size, said_size = struct.pack("<I", 40 * 2**20), struct.pack("<I", 1000)
    path.write_bytes(path.read_bytes().replace(true_size, said_size))
    assert refusal(path).got


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("quantumbench/quantumbench.csv", questions_csv())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("quantumbench/quantumbench.csv", questions_csv())
    assert "2 members of this name" in refusal(path).got


def test_an_unknown_method_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("quantumbench/quantumbench.csv", questions_csv())
    assert "method 14" in refusal(path).got


def test_an_archive_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert "too large" in refusal(path).what


def changed(row: int, **changes: str) -> bytes:
    rows = question_rows()
    rows[row] |= {key.replace("_", " "): value for key, value in changes.items()}
    return questions_csv(rows)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (questions_csv([]), "holds no question"),
        (b"\xff\xfe" + questions_csv(), "is not UTF-8"),
        (
            questions_csv().replace(b"Correct Answer", b"Corect Answer"),
            "'Correct Answer' is missing",
        ),
        (questions_csv().replace(b"Platform", b"Problem URL"), "stands twice"),
        (questions_csv()[:-30], "line 8: the row has another length"),
        (questions_csv() + b'9,"never closed', "line 10 cannot be parsed"),
        (questions_csv() + b"9," + b"x" * 200_000, "line 10 cannot be parsed"),
        (changed(2, Question=" "), "line 6: the question is blank"),
        (changed(2, Question_id="1"), "line 6: the id stands on line 4 already"),
        (changed(0, Correct_Answer=""), "line 2: the option"),
    ],
)
def test_a_bad_csv_is_refused(folder: Path, content: bytes, words: str) -> None:
    path = folder / "quantumbench.csv"
    path.write_bytes(content)
    error = refusal(path)
    assert words in error.what
    assert "quantumbench.csv" in error.what


def test_a_misspelt_column_gets_the_nearest(folder: Path) -> None:
    path = folder / "quantumbench.csv"
    path.write_bytes(questions_csv().replace(b"Question id", b"Question_id"))
    assert "Question_id" in refusal(path).wanted


def test_equal_options_only_are_refused(folder: Path) -> None:
    path = folder / "quantumbench.csv"
    path.write_bytes(changed(1, **{column.replace(" ", "_"): "same" for column in OPTION_COLUMNS}))
    assert "line 4: fewer than two distinct options" in refusal(path).what


def test_a_question_without_category_is_unlabelled(folder: Path) -> None:
    (folder / "category.csv").write_bytes(category_csv(("0", "1", "2", "77")))
    some = read(folder)
    assert some.questions[3].subdomain is None
    assert some.defects["unlabelled"] == 2


def test_categories_with_a_repeated_id_are_refused(folder: Path) -> None:
    (folder / "category.csv").write_bytes(category_csv(("0", "1", "1", "3")))
    error = refusal(folder / "quantumbench.csv")
    assert "category.csv, line 4" in error.what


def test_categories_without_their_column_are_refused(folder: Path) -> None:
    (folder / "category.csv").write_bytes(category_csv().replace(b"QuestionType", b"Kind"))
    assert "'QuestionType' is missing" in refusal(folder / "quantumbench.csv").what


@needs_real_file
def test_the_published_file_has_its_published_counts() -> None:
    assert REAL is not None
    some = read(Path(REAL))
    assert len(some) == 769
    assert Counter(question.subdomain for question in some.questions) == {
        "Quantum Mechanics": 212,
        "Quantum Computation": 60,
        "Quantum Chemistry": 86,
        "Quantum Field Theory": 107,
        "Photonics": 57,
        "Mathematics": 37,
        "Optics": 157,
        "Nuclear Physics": 18,
        "String Theory": 33,
        None: 2,
    }
    assert Counter(question.question_type for question in some.questions) == {
        "Algebraic Calculation": 575,
        "Numerical Calculation": 144,
        "Conceptual Understanding": 50,
    }
    assert some.defects == {
        "repeated_options": 29,
        "repeated_reference": 4,
        "repeated_question_text": 1,
        "unlabelled": 2,
    }
    assert not some.partial


@needs_real_file
def test_the_published_file_has_its_known_oddities() -> None:
    assert REAL is not None
    some = read(Path(REAL))
    repeated = [
        question.id
        for question in some.questions
        if question.choices.count(question.reference_text) > 1
    ]
    assert repeated == ["306", "404", "478", "627"]
    assert {len(question.choices) for question in some.questions} == {8}
    # Always "(D)" gets 15.1 %.
    assert Counter(question.answer for question in some.questions).most_common(1) == [(3, 116)]
    assert len({question.source for question in some.questions}) == 105


@needs_real_file
def test_the_published_file_needs_its_password() -> None:
    assert REAL is not None
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read(Path(REAL), "not this one")
