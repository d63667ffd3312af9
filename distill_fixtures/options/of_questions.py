"""Options that say which questions are asked, and how."""

from __future__ import annotations

from distill_fixtures.option_checks import (
    as_choice,
    as_path,
    as_switch,
    as_text,
    as_whole_number,
)
from distill_fixtures.options.option import Option

__all__ = ["PUBLISHED_PASSWORD", "QUESTION_OPTIONS"]

# Printed in the README of QuantumBench's authors: it guards against training on the questions by
# accident and is no secret.
PUBLISHED_PASSWORD = "do_not_use_quantumbench_for_training"

QUESTION_OPTIONS: tuple[Option, ...] = (
    Option(
        "--data-path",
        "data_path",
        None,
        as_path,
        "PATH",
        "questions or labelled texts: .jsonl, a QuantumBench .csv, folder or .zip "
        "(default: the built-in set)",
    ),
    Option(
        "--distill-data-password",
        "data_password",
        PUBLISHED_PASSWORD,
        as_text,
        "TEXT",
        "password of a .zip (default: the one that QuantumBench's authors publish)",
    ),
    Option(
        "--distill-scoring",
        "scoring",
        "auto",
        as_choice("auto", "cloze", "letter", "generate", "classify"),
        "KIND",
        "how an answer is taken: auto, cloze, letter, generate or classify",
    ),
    Option(
        "--distill-prompt",
        "prompt",
        "zero-shot",
        as_choice("zero-shot", "cot"),
        "KIND",
        "prompt of generate scoring: zero-shot or cot",
    ),
    Option(
        "--distill-prompt-file",
        "prompt_file",
        None,
        as_path,
        "FILE",
        "a prompt template of your own for generate scoring (jinja2, sandboxed)",
    ),
    Option(
        "--distill-permutations",
        "permutations",
        "1",
        as_whole_number(1),
        "N",
        "letter scoring averaged over N cyclic orders of the options",
    ),
    Option(
        "--distill-cloze-pmi",
        "cloze_pmi",
        "false",
        as_switch,
        "",
        "cloze scoring also by how much the question raises an option's likelihood: "
        'log p(option | question) - log p(option | "Answer:")',
        switch=True,
    ),
    Option(
        "--distill-limit",
        "limit",
        None,
        as_whole_number(1),
        "N",
        "only the first N questions; the run is marked partial",
    ),
)
