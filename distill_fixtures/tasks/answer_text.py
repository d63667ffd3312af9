r"""Reading an answer out of what a model wrote (generate scoring).

Letters, in this order:

1. **Statements**: "The correct answer is (C)", "Answer: C", "(C) is the correct answer",
   ``\boxed{C}``. The last one in the text counts: a model that corrects itself means its last
   word. If the last one hedges ("(A) or (B)") or names no option, there is no answer.
2. Without a statement: a bold letter (``**C**``), or a line that holds nothing but a letter or
   "(C)" and the very text of option C. Only if all of these name the same option; a model that
   walks through the options one by one has not chosen.

A letter is taken bare only as a capital that ends its clause, so the article in "The answer is A
photon" is no answer. Everything else is unparsed: counted wrong, never guessed.

A text need not be written to its end: the line that the built-in prompts ask for ends it
(:data:`ANSWER_ENDS`, :data:`FREE_ANSWER_ENDS`), because the zero-shot prompt asks for nothing but
that line and the chain-of-thought prompt says that it ends the response. A second thought on a
later line is not waited for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["ANSWER_ENDS", "FREE_ANSWER_ENDS", "extract_free_text", "parse_choice"]

# Runs are bounded, so that no text can make matching slow.
_MARKUP = r"[\s*_`\"'$]{0,8}"
_ROUND = r"\(\s?(?P<round>[A-Za-z])\s?\)"
# A bare letter: a capital with nothing, the end of its clause, a reason or closed bold after it.
_BARE = (
    r"(?P<bare>[A-Z])(?!\w)(?="
    r"[ \t*_`\"'$]{0,8}(?:[.,;:!)](?!\w)|\n|\Z|(?i:because|since)\b)|\*\*(?!\w))"
)
_NAMED = (
    r"(?:\s?:)?"
    + _MARKUP
    + r"(?i:(?:option|choice|letter)\b)?"
    + _MARKUP
    + rf"(?:{_ROUND}|\[\s?(?P<square>[A-Za-z])\s?\]|{_BARE})"
)
_STATEMENT = re.compile(
    r"(?i:(?<!incorrect )(?<!wrong )\b"
    r"(?:answer(?:\s(?:choice|option))?|correct\s(?:option|choice))\b)"
    + _MARKUP
    + r"(?i:is|(?:would|should|must)\sbe|:|=)"
    + _NAMED
)
_VERDICT = re.compile(
    _ROUND + r"[*_`]{0,3}\s(?i:(?:is|must\sbe)\s(?:the\s)?(?:correct|right|best)"
    r"(?:\s(?:answer|option|choice)\b|[.!]|\s*\Z))"
)
_BOXED = (
    r"\\boxed\s?\{\s{0,4}(?:\\(?:text|textbf|mathrm|mathbf)\s?\{\s{0,4})?"
    rf"(?:{_ROUND}|(?P<bare>[A-Z]))\s{{0,4}}\}}"
)
_BOX = re.compile(_BOXED)
_HEDGE = re.compile(
    r"[\s*_`]{0,4}(?:(?:or|and|/|&)[\s*_`]{0,4}(?:\([A-Za-z]\)|[A-Z](?!\w))"
    r"|,[\s*_`]{0,4}\([A-Za-z]\))"
)
_BOLD = re.compile(rf"\*\*\s?(?:{_ROUND}|(?P<bare>[A-Z])[.):]?)\s?\*\*")
_LONE_LINE = re.compile(
    rf"^[ \t>#]{{0,8}}(?:{_ROUND}|(?P<bare>[A-Z])(?P<mark>[.):])?)(?P<rest>[^\n]*)$",
    re.MULTILINE,
)
_FREE_STATEMENT = re.compile(
    r"\banswer\b[*_`]{0,3}\s{0,4}(?:is|:|=)\s?:?[\s*_`]{0,8}", re.IGNORECASE
)
_FREE_BOX = re.compile(r"\\boxed\s?\{(?P<text>[^{}\n]+)\}")

_GROUP_NAME = re.compile(r"\?P<\w+>")
# Groups that match in one way only: where the line has no end yet, nothing is tried twice.
_PROMPTED = r"[ \t*_`\"'$#>]{0,8}+(?i:the correct answer)[*`]{0,3} is"
ANSWER_ENDS: str = _GROUP_NAME.sub("?:", rf"(?m:^)(?>{_PROMPTED}{_NAMED}|[^\n]*?{_BOXED})[^\n]*+\n")
"""Matches up to the end of the first line that states a letter as the prompts ask for it ("The
correct answer is (C)", at the line's beginning) or in a box.

:func:`parse_choice` finds its answer in that line, and what follows can change it only by another
statement, or by going on with the line's own ("or (B)"), on a later line.
"""
FREE_ANSWER_ENDS: str = rf"(?m:^)(?>{_PROMPTED}\s?+:?+[\s*_`]{{0,8}}+[^\s*_`])[^\n]*+\n"
"""The same for free text: up to the end of the line that holds the answer."""


def parse_choice(text: str, choices: Sequence[str]) -> int | None:
    r"""Zero-based index of the option that a text names; None where it names none.

    Args:
        text: what the model wrote.
        choices: the options' texts in the order of their letters.

    >>> parse_choice("The correct answer is (C).", ["x", "y", "z"])
    2
    >>> parse_choice("The answer is A photon.", ["x", "y", "z"]) is None
    True
    """
    statements = [
        (match.start(), match.end(), _letter(match))
        for pattern in (_STATEMENT, _VERDICT, _BOX)
        for match in pattern.finditer(text)
    ]
    if statements:
        _, end, letter = max(statements)
        return None if _HEDGE.match(text, end) else _index(letter, choices)
    named = {_index(_letter(match), choices) for match in _BOLD.finditer(text)}
    named |= {
        _index(_letter(match), choices)
        for match in _LONE_LINE.finditer(text)
        if _says_only_option(match, choices)
    }
    return named.pop() if len(named) == 1 else None


def extract_free_text(text: str) -> str | None:
    r"""The answer in a free text: after the last "answer is", in the last box, or the first line.

    A full stop and quotation marks around it are dropped. None where nothing is left.

    >>> extract_free_text("Let us see.\nThe correct answer is: 3/2 hbar.")
    '3/2 hbar'
    >>> extract_free_text("\n\n") is None
    True
    """
    statements = list(_FREE_STATEMENT.finditer(text))
    boxes = list(_FREE_BOX.finditer(text))
    if statements:
        answer = text[statements[-1].end() :].partition("\n")[0]
        inner = _FREE_BOX.search(answer)
        answer = inner["text"] if inner else answer
    elif boxes:
        answer = boxes[-1]["text"]
    else:
        answer = next((line for line in text.splitlines() if line.strip()), "")
    answer = answer.strip().strip("*_`$").strip()
    answer = answer.removesuffix(".").strip().strip("\"'“”*_`$").strip()
    return answer or None


def _letter(match: re.Match[str]) -> str:
    """The one letter that a match holds."""
    groups = match.groupdict()
    names = ("round", "square", "bare")
    return next(groups[name] for name in names if groups.get(name)).upper()


def _index(letter: str, choices: Sequence[str]) -> int | None:
    index = ord(letter) - ord("A")
    return index if 0 <= index < len(choices) else None


def _says_only_option(match: re.Match[str], choices: Sequence[str]) -> bool:
    rest = match["rest"].strip().removesuffix(".").strip()
    if not rest:
        return True
    index = _index(_letter(match), choices)
    # "A photon" is a sentence even where option A reads "photon": a bare letter needs its mark.
    marked = match["round"] is not None or match["mark"] is not None
    return marked and index is not None and rest == choices[index].strip().removesuffix(".").strip()
