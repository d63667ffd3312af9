"""``distill-bench`` works without pytest and torch."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from distill_fixtures.catalog import CATALOG
from distill_fixtures.cli import COMMANDS, main
from distill_fixtures.commands.metrics import metrics_text
from distill_fixtures.errors import ThresholdsError
from distill_fixtures.judge.thresholds import read_thresholds

ROOT = Path(__file__).parents[1]


def can_be_named(folder: Path, name: str) -> bool:
    better, worse = (2, 1) if CATALOG[name].direction == "higher" else (1, 2)
    path = folder / "thresholds.toml"
    path.write_text(f"[criteria.{name}]\ngood = {better}\npoor = {worse}\n", encoding="utf-8")
    try:
        read_thresholds(path)
    except ThresholdsError:
        return False
    return True


def test_metrics_lists_what_thresholds_can_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    expected = [name for name in CATALOG if can_be_named(tmp_path, name)]
    assert named == expected
    assert "knowledge_retention_pct" in expected
    (retention,) = [line for line in lines if line.startswith("  knowledge_retention_pct ")]
    assert "%" in retention
    assert "higher is better" in retention
    assert retention.endswith("Knowledge retention")


def test_all_metrics_by_family() -> None:
    lines = metrics_text(everything=True).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [*CATALOG]
    families = [line.removesuffix(":") for line in lines if not line.startswith(" ")]
    assert families == [*dict.fromkeys(each.family for each in CATALOG.values())]


@pytest.mark.parametrize("arguments", [[], ["metrix"], ["metrics", "--everything"]])
def test_arguments_that_cannot_be_used(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: distill-bench" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: distill-bench {name}" in out
    assert COMMANDS[name].split(",")[0] in " ".join(out.split())


def test_the_commands_are_the_modules() -> None:
    names = {path.stem for path in (ROOT / "distill_fixtures" / "commands").glob("*.py")}
    assert set(COMMANDS) <= names
    for name in COMMANDS:
        module = importlib.import_module(f"distill_fixtures.commands.{name}")
        assert callable(module.add_arguments)
        assert callable(module.run)


def test_help_tells_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert f"    {name} " in out
    assert "  4  a file or an option that cannot be used" in out


HEAVY = {"pytest", "torch", "transformers", "peft", "numpy", "scipy", "pydantic", "rich"}


def imported_after(*words: str) -> set[str]:
    code = (
        "import sys; from distill_fixtures.cli import main\n"
        f"try: main({list(words)!r})\n"
        "except SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [("--help",), ("metrics",)])
def test_looking_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert not imported_after(*words) & HEAVY


def test_help_takes_no_time() -> None:
    """Seconds of the processor, the least of five runs: 0.06 where this was written."""
    code = (
        "import time; from distill_fixtures.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(time.process_time())"
    )
    taken_s = [
        float(subprocess.check_output([sys.executable, "-c", code], text=True).split()[-1])
        for _ in range(5)
    ]
    assert min(taken_s) < 0.3


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_imports_pytest_or_torch(name: str) -> None:
    assert not imported_after(name, "--help") & {"pytest", "torch", "transformers", "peft"}


def test_a_reader_that_has_gone(tmp_path: Path) -> None:
    """As in ``distill-bench metrics --all | head -0``: no traceback."""
    code = "from distill_fixtures.cli import main; raise SystemExit(main(['metrics', '--all']))"
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.stderr is not None
    errors = writer.stderr.read().decode()
    writer.stderr.close()
    assert writer.wait() in (0, 141)
    assert "Traceback" not in errors
