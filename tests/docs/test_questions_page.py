"""The examples in docs/questions.md are read as the page says."""

from __future__ import annotations

import re
from pathlib import Path

from distill_fixtures.records import QuestionSet
from distill_fixtures.tasks.jsonl import FIELDS
from distill_fixtures.tasks.labelled_texts import LABEL_FIELDS
from distill_fixtures.tasks.prompt_template import load_prompt_template
from distill_fixtures.tasks.prompts import build_prompt
from tests.docs.pages import ROOT, Block, blocks_of
from tests.docs.readers import questions_of

PAGE = "docs/questions.md"


def blocks(language: str) -> list[Block]:
    return [block for block in blocks_of(PAGE) if block.language == language]


def examples() -> list[QuestionSet]:
    return [questions_of(block) for block in blocks("json")]


def test_the_jsonl_examples_are_of_three_kinds() -> None:
    some = examples()
    assert [each.default_scoring for each in some] == ["cloze", "generate", "cloze"]
    warnings = [warning for each in some for warning in each.warnings]
    assert all("subdomain" in warning for warning in warnings)


def test_the_template_example_renders(tmp_path: Path) -> None:
    (block,) = blocks("jinja")
    path = tmp_path / "my.txt"
    path.write_text(block.text, encoding="utf-8")
    question = examples()[0].questions[0]
    prompt = build_prompt(question, "generate", template=load_prompt_template(path))
    assert prompt.context == (
        "What is the spin of a photon?\n(A) 0\n(B) 1/2\n(C) 1\n\n"
        'End with "The correct answer is (X)."'
    )


def test_every_field_is_described() -> None:
    table = (ROOT / PAGE).read_text("utf-8").split("| field |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= {*FIELDS, *LABEL_FIELDS}
