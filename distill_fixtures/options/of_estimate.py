"""Options that ask what a run would cost, in place of the run; docs/scaling.md."""

from __future__ import annotations

from distill_fixtures.option_checks import as_switch, as_text
from distill_fixtures.options.option import Option

__all__ = ["ESTIMATE_OPTIONS"]

ESTIMATE_OPTIONS: tuple[Option, ...] = (
    Option(
        "--distill-estimate",
        "estimate",
        "false",
        as_switch,
        "",
        "say what the run would cost, from a short trial on this machine, and stop",
        switch=True,
    ),
    Option(
        "--distill-estimate-on",
        "estimate_on",
        None,
        as_text,
        "TARGET",
        "say what the run would cost on other hardware, by its data sheet, and stop: h100, h100x8, "
        "a100-80x4 and so on",
    ),
)
