"""The page of the comparison of times with optimum-benchmark and a bare loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, Literal

from studies.generation_cases import Case, Times
from studies.study_page import markdown_table, setting

__all__ = ["CHECKED_TOKENS", "NAME", "CaseTimes", "SideName", "page_of", "raw_figures"]

NAME = "against_optimum_benchmark"
PACKAGES = ("distill-bench", "torch", "transformers")
# That models of both environments must write alike.
CHECKED_TOKENS = 16
SideName = Literal["suite", "bare", "usual", "optimum"]
Figure = Literal["ttft_s", "tpot_s", "end_to_end_s"]
FIGURES: dict[Figure, str] = {
    "ttft_s": "prefill (TTFT)",
    "tpot_s": "decode, a token (TPOT)",
    "end_to_end_s": "end to end",
}
# How far the suite's prefill and decode may be from the others', percent; None: no bound.
BOUNDS_PCT: dict[SideName, float | None] = {"optimum": 10.0, "bare": 3.0, "usual": None}
NAMES: dict[SideName, str] = {
    "optimum": "optimum-benchmark",
    "bare": "bare `generate`",
    "usual": "`generate` with `min_new_tokens`",
}
EXPLAINED: dict[SideName, str] = {
    "optimum": "Its `prefill` latency, its `decode` latency a token and its `generate` latency. It "
    "makes token ids by chance, where the suite's time holds the tokenising of a text. Its threads "
    "are set by torch, since its own settings give torch either count for the other.",
    "bare": "A clock around `generate` in inference mode, and no token ends a text: hardly more "
    "than the model's own work.",
    "usual": "A clock around `generate` as it is mostly called. At every token it looks through "
    "the whole vocabulary for tokens that it must not pick yet, and torch keeps account of tensors "
    "that might want gradients: its own cost, not the model's, and so without a bound.",
}


@dataclass(frozen=True, slots=True)
class CaseTimes:
    """Everything measured in one case.

    Attributes:
        times: by side; the i-th of all sides were measured next to each other.
    """

    case: Case
    times: Mapping[SideName, Sequence[Times]]

    def seconds(self, side: SideName, figure: Figure) -> list[float]:
        return [getattr(each, figure) for each in self.times[side]]

    def ratios(self, other: SideName, figure: Figure) -> list[float]:
        """The suite's time over another's, round by round."""
        pairs = zip(self.seconds("suite", figure), self.seconds(other, figure), strict=True)
        return [ours / theirs for ours, theirs in pairs]


def page_of(
    model: str, found: Sequence[CaseTimes], versions: Mapping[str, str], threads: int
) -> list[str]:
    """The page in Markdown."""
    rounds, new_tokens = len(found[0].times["suite"]), found[0].case.new_tokens
    there = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        "# Times of generation against optimum-benchmark and a bare loop",
        "",
        f"Made by `python -m studies.{NAME}`. Model: {model}, float32; {new_tokens} new tokens a "
        f"row, exactly; {rounds} rounds, every second one backwards. Medians over the rounds; a "
        "ratio is the suite's time over the other's in the same round, with the middle half of "
        "the rounds.",
        "",
        *setting(*PACKAGES, threads=threads),
        f"optimum-benchmark's environment: {there}. Both environments' models write the same "
        f"{CHECKED_TOKENS} tokens after the same prompt.",
    ]
    for other, bound_pct in BOUNDS_PCT.items():
        lines += ["", *_against(found, other, bound_pct)]
    return lines


def _against(found: Sequence[CaseTimes], other: SideName, bound_pct: float | None) -> list[str]:
    rows = []
    for one in found:
        for figure, name in FIGURES.items():
            ratios = one.ratios(other, figure)
            both = (f"{1000 * median(one.seconds(side, figure)):.2f}" for side in ("suite", other))
            low, high = middle_half(ratios)
            shown = [f"{median(ratios):.3f}", f"{low:.3f} to {high:.3f}"]
            rows.append([f"{one.case}: {name}", *both, *shown])
    head = ["prompts", "suite, ms", f"{NAMES[other]}, ms", "ratio", "middle half"]
    lines = [f"## Against {NAMES[other]}", "", EXPLAINED[other], "", *markdown_table(head, rows)]
    if bound_pct is not None:
        beyond = ", ".join(_beyond(found, other, bound_pct)) or "none"
        lines += ["", f"**Prefill or decode further away than {bound_pct:.0f} %: {beyond}.**"]
    return lines


def _beyond(found: Sequence[CaseTimes], other: SideName, bound_pct: float) -> list[str]:
    """What breaks the bound; the end-to-end time follows from prefill and decode."""
    promised: tuple[Figure, ...] = ("ttft_s", "tpot_s")
    return [
        f"{FIGURES[figure]} of {one.case}"
        for one in found
        for figure in promised
        if abs(median(one.ratios(other, figure)) - 1) * 100 > bound_pct
    ]


def middle_half(values: Sequence[float]) -> tuple[float, float]:
    """First and third quartile."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def raw_figures(found: Sequence[CaseTimes]) -> list[dict[str, Any]]:
    """Every single time, and the ratios' medians."""
    return [
        {
            "case": asdict(one.case),
            "times": {
                side: [asdict(each) for each in of_side] for side, of_side in one.times.items()
            },
            "suite_over": {
                other: {figure: median(one.ratios(other, figure)) for figure in FIGURES}
                for other in BOUNDS_PCT
            },
        }
        for one in found
    ]
