"""Reading answers out of text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_fixtures.tasks.answer_text import (
    ANSWER_ENDS,
    FREE_ANSWER_ENDS,
    extract_free_text,
    parse_choice,
)

CHOICES = ["electron", "photon", "muon", "3/2 hbar", "e", "f", "g", "h"]


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The correct answer is (C).", "C"),
        ("The correct answer is (c)", "C"),
        ('"The correct answer is (C)."', "C"),
        ("The correct answer is C", "C"),
        ("The correct answer is C.", "C"),
        ("The correct answer is: C\nbecause of spin.", "C"),
        ("The answer is C because of spin.", "C"),
        ("The correct answer is (A) electron.", "A"),
        ("The answer is A.", "A"),
        ("The answer is A", "A"),
        ("the answer would be (B)", "B"),
        ("Answer: B", "B"),
        ("ANSWER: B", "B"),
        ("answer = (B)", "B"),
        ("Answer:\n\n**B**", "B"),
        ("**Answer: B**", "B"),
        ("**Answer:** B", "B"),
        ("Final answer: **(B) photon**", "B"),
        ("The answer is option D.", "D"),
        ("The answer is [D]", "D"),
        ("**The correct answer is (C).**", "C"),
        ("The correct answer is **C**.", "C"),
        ("The correct answer is: **(C)**", "C"),
        (r"The correct answer is $\boxed{C}$.", "C"),
        (r"The correct answer is \boxed{(C)}", "C"),
        (r"$$\boxed{\textbf{C}}$$", "C"),
        ("The correct option is D.", "D"),
        ("The best answer choice is (D).", "D"),
        ("The answer is **D** as shown.", "D"),
        ("The answer is $D$.", "D"),
        (r"\boxed{C}", "C"),
        (r"so \boxed{\text{C}} holds", "C"),
        (r"\boxed{(c)}", "C"),
        (r"The answer is $\boxed{\mathrm{H}}$.", "H"),
        ("(B) is the correct answer.", "B"),
        ("So (B) is correct.", "B"),
        ("**C**", "C"),
        ("**(C)**", "C"),
        ("I choose **C.** It has spin.", "C"),
        ("C", "C"),
        ("A", "A"),
        ("(C)", "C"),
        ("C.", "C"),
        (" (C) \n", "C"),
        ("(B) photon", "B"),
        ("B. photon.", "B"),
        ("D) 3/2 hbar", "D"),
    ],
)
def test_statements_are_read(text: str, letter: str) -> None:
    assert parse_choice(text, CHOICES) == ord(letter) - ord("A")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "The answer is A photon.",
        "The correct answer is A photon with spin 1.",
        "A photon is emitted.",
        "The correct answer is **A photon**.",
        "The correct answer is:\nA photon.",
        "Answer: A particle of spin 1",
        r"\boxed{A photon}",
        "**A photon**",
        "A electron",
        "A",
        "The answer is a.",
        "The answer is an electron.",
        "I think that is so.",
        "The answer is not (B).",
        "The incorrect answer is (B).",
        "The answer is (A) or (B).",
        "The answer is A or B.",
        "The answer is (A), (B) and (C).",
        "The answer is either (A) or (B).",
        "The correct answer is (Z).",
        "The correct answer is (<insert answer id here>).",
        "The correct answer is E = mc^2.",
        "The answer is B-field dependent.",
        "The answer is C/2.",
        "The answer is D3.",
        r"\boxed{c}",
        r"\boxed{5 eV}",
        "(A) is wrong because of spin.",
        "**A.** Not this. **B.** Nor this.",
        "(A)\n(B)\n(C)",
        "The question has an answer.",
    ],
)
def test_what_states_no_letter_is_unparsed(text: str) -> None:
    choices = ["x"] * 8 if text == "A electron" else CHOICES
    if text == "A":
        # One letter alone is an answer, but not where there is no such option.
        choices = []
    assert parse_choice(text, choices) is None


def test_the_last_statement_counts() -> None:
    assert parse_choice("The answer is (A). No: the answer is (C).", CHOICES) == 2
    assert parse_choice(r"The answer is (A). Check: \boxed{D}", CHOICES) == 3
    assert parse_choice("The answer is (A). Or rather, the answer is (A) or (B).", CHOICES) is None
    assert parse_choice("The answer is (A). No, the answer is (Z).", CHOICES) is None


def test_a_statement_outweighs_bold_and_lone_letters() -> None:
    text = "**A.** no\n**B.** no\nThe correct answer is (B).\n\n(C)\nis wrong"
    assert parse_choice(text, CHOICES) == 1


def test_bold_and_line_that_agree_are_one_answer() -> None:
    assert parse_choice("**C**\n\n(C)", CHOICES) == 2
    assert parse_choice("**C**\n\n(D)", CHOICES) is None


def test_letters_beyond_the_options_are_none() -> None:
    assert parse_choice("The answer is (C).", ["x", "y"]) is None
    assert parse_choice("(C)", ["x", "y"]) is None


@given(st.integers(0, 25), st.integers(1, 26))
def test_the_prompted_format_is_always_read(pick: int, options: int) -> None:
    text = f"The correct answer is ({chr(65 + pick)})."
    expected = pick if pick < options else None
    assert parse_choice(text, ["option"] * options) == expected


@given(st.text())
def test_any_text_gives_an_option_or_none(text: str) -> None:
    pick = parse_choice(text, CHOICES)
    assert pick is None or 0 <= pick < len(CHOICES)


@pytest.mark.parametrize(
    "piece",
    [
        *("answer is ", "(", "**", "\n", " ", "\\boxed{", "(A)", "answer:**", "\\boxed{A}"),
        *("The correct answer is", "The correct answer is\n", "The correct answer is (A)"),
    ],
)
def test_no_text_is_slow(piece: str) -> None:
    started = time.monotonic()
    parse_choice(piece * 30_000, CHOICES)
    extract_free_text(piece * 30_000)
    re.search(ANSWER_ENDS, piece * 30_000)
    re.search(FREE_ANSWER_ENDS, piece * 30_000)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Niels Bohr", "Niels Bohr"),
        ("\n\nNiels Bohr\nHe was Danish.", "Niels Bohr"),
        ("The correct answer is: Niels Bohr.", "Niels Bohr"),
        ('The correct answer is: "Niels Bohr".', "Niels Bohr"),
        ("Let us see.\nThe answer is 3.14.\nDone.", "3.14"),
        ("The answer is 1. No, the answer is 2.", "2"),
        ("**Answer:** 5 eV", "5 eV"),
        ("Answer: **5 eV**", "5 eV"),
        (r"So \boxed{5 eV} it is", "5 eV"),
        (r"The answer is $\boxed{5 eV}$.", "5 eV"),
        ("A", "A"),
        ("", None),
        (" \n.\n", None),
    ],
)
def test_free_text(text: str, answer: str | None) -> None:
    assert extract_free_text(text) == answer


ANSWER_LINES = [
    "The correct answer is (C).",
    "The correct answer is (c)",
    "the correct answer is C.",
    '"The correct answer is (C)."',
    "**The correct answer is (C).**",
    "**The correct answer** is: **C**",
    "> The correct answer is: option (C) photon",
    r"The correct answer is $\boxed{C}$.",
    r"\boxed{C}",
    r"So $\boxed{\text{C}}$ it is.",
]


@pytest.mark.parametrize("line", ANSWER_LINES)
@pytest.mark.parametrize("before", ["", "Let us see.\n\n", "(A) is wrong.\n**B.** no.\n"])
def test_the_answers_line_ends_the_text(line: str, before: str) -> None:
    text = f"{before}{line}\n"
    found = re.search(ANSWER_ENDS, f"{text}\nQuestion: another\n")
    assert found is not None
    assert found.end() == len(text)
    assert parse_choice(text, CHOICES) == 2
    assert re.search(ANSWER_ENDS, f"{before}{line}") is None, "the line may go on"


@pytest.mark.parametrize(
    "text",
    [
        "The correct answer is (<insert answer id here>).\n",
        "The correct answer is A photon.\n",
        "The correct answer is not (A).\n",
        "The incorrect answer is (A).\n",
        "I must find out whether the correct answer is (A).\n",
        "Answer: (A)\n",
        "(A) is tempting.\n**A**\n(A)\n",
        r"\boxed{5 eV}" + "\n",
        "The correct answer\nis (A)\n",
    ],
)
def test_what_ends_no_text(text: str) -> None:
    assert re.search(ANSWER_ENDS, text) is None


def test_a_hedge_on_the_line_is_kept_and_a_later_line_is_not_waited_for() -> None:
    def kept(text: str) -> str:
        found = re.search(ANSWER_ENDS, text)
        assert found is not None
        return text[: found.end()]

    assert parse_choice(kept("The correct answer is (A) or (B).\nOr not.\n"), CHOICES) is None
    text = "The correct answer is (A).\nNo: the correct answer is (B).\n"
    assert parse_choice(kept(text), CHOICES) == 0
    assert parse_choice(text, CHOICES) == 1
    text = "The correct answer is (A). No: the correct answer is (B).\n"
    assert parse_choice(kept(text), CHOICES) == 1


PIECES = st.sampled_from(
    [
        *(
            "The correct answer is ",
            "the correct answer is: ",
            "answer is ",
            "Answer: ",
            "correct ",
        ),
        *("(A)", "(B)", "C", "**", "_", "`", '"', " ", "\n", ".", ":", "or ", "photon", "<", "["),
        *("\\boxed{", "}", "\\text{", "option ", "$", "D)", "is ", "because "),
    ]
)
# No statement, and nothing that could go on with the line before.
AFTERWARDS = st.text("(ABC)* \nxyz.", max_size=40).map(lambda text: f"x{text}")


@given(st.lists(PIECES, max_size=12).map("".join), AFTERWARDS)
def test_what_follows_the_answers_line_changes_nothing(text: str, after: str) -> None:
    found = re.search(ANSWER_ENDS, text)
    if found is None:
        return
    kept = text[: found.end()]
    assert kept.endswith("\n")
    assert parse_choice(kept + after, CHOICES) == parse_choice(kept, CHOICES)


@given(
    st.lists(PIECES.filter(lambda piece: "boxed" not in piece), max_size=12).map("".join),
    st.sampled_from(ANSWER_LINES),
)
def test_a_text_that_ends_with_the_line_reads_as_its_line(before: str, line: str) -> None:
    text = f"{before}\n\nx\n{line}\n"
    found = re.search(ANSWER_ENDS, text)
    assert found is not None
    if found.end() == len(text):
        assert parse_choice(text[: found.end()], CHOICES) == parse_choice(text, CHOICES) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The correct answer is: Niels Bohr.\nHe", "The correct answer is: Niels Bohr.\n"),
        ("Hm.\n**The correct answer is:** 5 eV\n\nx", "Hm.\n**The correct answer is:** 5 eV\n"),
        ("The correct answer is:\n5 eV\nx", "The correct answer is:\n5 eV\n"),
        ("The correct answer is:\n", None),
        ("The correct answer is: 5", None),
        ("Is it so that the correct answer is: 5?\n", None),
        (r"\boxed{5}" + "\n", None),
    ],
)
def test_where_a_free_text_ends(text: str, kept: str | None) -> None:
    found = re.search(FREE_ANSWER_ENDS, text)
    assert (None if found is None else text[: found.end()]) == kept
    if kept is not None:
        assert extract_free_text(kept) == extract_free_text(text)
