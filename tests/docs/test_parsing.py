"""How the pages' blocks, links and commands are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.commands import commands_in, faults

PAGE = """\
# A page: of `code` and [a link](other.md#there)

<!-- run: exit 1 -->
```
pytest
```

<!-- output -->
```
1 failed
```

```python
# test_one.py
def test(): ...
```

## A page: of `code` and [a link](other.md#there)

`[no](link)` but [one](#a-page-of-code-and-a-link-1)
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    return tmp_path


def test_blocks() -> None:
    run, output, file = pages.blocks_of("page.md")
    assert (run.mark, run.told, run.text, run.line) == ("run", "exit 1", "pytest\n", 4)
    assert (output.mark, output.told, output.text) == ("output", "", "1 failed\n")
    assert (file.language, file.mark, file.file_name) == ("python", "", "test_one.py")


def test_links_and_anchors() -> None:
    assert pages.links("page.md") == ["other.md#there"] * 2 + ["#a-page-of-code-and-a-link-1"]
    assert pages.anchors("page.md") == {"a-page-of-code-and-a-link", "a-page-of-code-and-a-link-1"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```\nnever closed\n", "not closed"),
        ("<!-- ran -->\n```\npytest\n```\n", "no comment of"),
    ],
)
def test_what_is_no_page(root: Path, text: str, told: str) -> None:
    (root / "page.md").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        pages.blocks_of("page.md")


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("pytest -q   # quietly", [["pytest", "-q"]]),
        ("A=1 pytest > out && tox -e bench | cat", [["pytest"], ["tox", "-e", "bench"], ["cat"]]),
        ("if [ -f x ]; then pytest; fi", [["[", "-f", "x", "]"], ["pytest"]]),
        ("pytest \\\n  -q\npytest -v", [["pytest", "-q"], ["pytest", "-v"]]),
        ("python -c '\na\n'\npytest", [["python", "-c", "\na\n"], ["pytest"]]),
        ("$ pytest -q\nits output's words", [["pytest", "-q"]]),
    ],
)
def test_commands(script: str, wanted: list[list[str]]) -> None:
    assert [*commands_in(script)] == wanted


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("pytest --distill-limit=3 -m size", None),
        ("pytest --junitxml=x", None),
        ("pytest --distill-limits 3", "pytest has no option --distill-limits"),
        ("python -m pytest --nothing", "pytest has no option --nothing"),
        ("python -m studies.no_study", "there is no module studies.no_study"),
        ("python train.py", None),
        ("python other.py", "there is no file other.py"),
        (".venv/bin/python -m tox -e bench", None),
        ("tox -e nowhere", "tox.ini has no environment nowhere"),
        ("distill-bench gate metrics --json", None),
        ("distill-bench gate metrics --jsonn", "unrecognized arguments: --jsonn"),
        ("distill-bench judge metrics", "distill-bench has no command ['judge']"),
    ],
)
def test_faults(words: str, fault: str | None) -> None:
    found = faults(words.split(), {"--distill-limit", "--junit-xml"}, {"train.py"})
    assert (found == []) if fault is None else (len(found) == 1 and fault in found[0]), found
