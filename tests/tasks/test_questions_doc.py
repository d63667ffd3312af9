"""The examples in docs/questions.md are read as the page says."""

from __future__ import annotations

import re
from pathlib import Path

from distill_fixtures.tasks.jsonl import FIELDS, read_jsonl
from distill_fixtures.tasks.labelled_texts import LABEL_FIELDS
from distill_fixtures.tasks.prompt_template import load_prompt_template
from distill_fixtures.tasks.prompts import build_prompt

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_jsonl_examples_are_read(tmp_path: Path) -> None:
    scorings = []
    for number, block in enumerate(blocks("json")):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(block, encoding="utf-8")
        some = read_jsonl(path)
        assert len(some) == 2
        assert some.warnings == () or "subdomain" in some.warnings[0]
        scorings.append(some.default_scoring)
    assert scorings == ["cloze", "generate", "cloze"]


def test_the_template_example_renders(tmp_path: Path) -> None:
    (block,) = blocks("jinja")
    path = tmp_path / "my.txt"
    path.write_text(block, encoding="utf-8")
    jsonl = tmp_path / "some.jsonl"
    jsonl.write_text(blocks("json")[0], encoding="utf-8")
    question = read_jsonl(jsonl).questions[0]
    prompt = build_prompt(question, "generate", template=load_prompt_template(path))
    assert prompt.context == (
        "What is the spin of a photon?\n(A) 0\n(B) 1/2\n(C) 1\n\n"
        'End with "The correct answer is (X)."'
    )


def test_every_field_is_described() -> None:
    table = PAGE.read_text("utf-8").split("| field |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= {*FIELDS, *LABEL_FIELDS}
