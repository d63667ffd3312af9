"""The chapters of what a model costs: size, time, memory, and accuracy against them."""

from __future__ import annotations

from typing import Final

from distill_fixtures.catalog import CATALOG
from distill_fixtures.report.html.figure_tables import model_table, pair_table, per_model_table
from distill_fixtures.report.html.key_values import words_of
from distill_fixtures.report.html.latency_plot import latency_plot
from distill_fixtures.report.html.lookups import Node, find, interval_words, shown, why_missing
from distill_fixtures.report.html.memory_plot import memory_plot
from distill_fixtures.report.html.parts import Cell, Chapter, Table, plots_and_gaps, table
from distill_fixtures.report.html.throughput_plot import throughput_plot
from distill_fixtures.report.html.times_plot import times_plot
from distill_fixtures.report.html.tradeoff_plot import candidates_of, tradeoff_plot

__all__ = ["memory_chapter", "size_chapter", "speed_chapter", "tradeoff_chapter"]

PAIR: Final = ("teacher", "student")


def size_chapter(document: Node) -> Chapter:
    """What must be shipped."""
    tables = (
        model_table(document, "size", "Size of each model"),
        pair_table(document, ("size",), "Size, student against teacher"),
    )
    sizes = [find(document, f"{role}.size.disk_bytes") for role in PAIR]
    lead = ""
    if None not in sizes:
        teacher, student = (shown("disk_bytes", size) for size in sizes)
        lead = f"To ship the student takes {student}, the teacher {teacher}."
    if document["distillation"]["number_format_differs"]:
        lead += " Part of the difference is the number format: see bits per parameter."
    return Chapter("size", "Size", lead.strip(), tables=tables)


def speed_chapter(document: Node) -> Chapter:
    """Latency, throughput and load time."""
    plots, gaps = plots_and_gaps(
        [
            ("Latency of single requests", latency_plot(document)),
            ("Mean times", times_plot(document)),
            ("Throughput over batch size", throughput_plot(document)),
        ]
    )
    tables = [
        model_table(document, "benchmark", "Times", ("latency",)),
        model_table(document, "benchmark", "Rates", ("throughput",)),
        pair_table(document, ("latency", "throughput"), "Speed, student against teacher"),
        *_merged(document),
        *_by_batch_size(document),
        *_timing(document),
    ]
    return Chapter("speed", "Speed", _speed_lead(document), plots, tuple(tables), gaps)


def _speed_lead(document: Node) -> str:
    pair = document["distillation"]
    if pair["speedup"] is None:
        return ""
    interval = interval_words("speedup", pair["intervals"].get("speedup"))
    said = f"The student is {shown('speedup', pair['speedup'])} as fast"
    said += f" (95 % interval {interval})" if interval else ""
    said += f": it saves {shown('speed_improvement_pct', pair['speed_improvement_pct'])} of "
    said += "the time per sample."
    if pair["tokenizers_differ"]:
        said += " The tokenizers differ: compare characters per second, not tokens per second."
    return said


def _merged(document: Node) -> list[Table]:
    """What merging an adapter would bring; empty where no model was timed merged."""
    found = {
        role: merged
        for role in PAIR
        if (merged := find(document, f"{role}.benchmark.merged")) is not None
    }
    if not found:
        return []
    rows = [
        (CATALOG[name].label, *(shown(name, each[name]) for each in found.values()))
        for name in ("inference_time_s", "ttft_s", "tpot_s", "tokens_per_s")
    ]
    gains = (
        Cell(
            shown("speedup", each["speedup"]), note=interval_words("speedup", each["speedup_ci95"])
        )
        for each in found.values()
    )
    rounds = (f"{each['rounds']}" for each in found.values())
    return [
        table(
            "With the adapter merged into its base",
            ("Figure", *(role.capitalize() for role in found)),
            [*rows, ("Speedup by merging", *gains), ("Rounds of each", *rounds)],
            notes=("Unmerged and merged are timed in interleaved rounds of their own.",),
        )
    ]


def _by_batch_size(document: Node) -> list[Table]:
    """Every figure of every batch size; empty where none was timed."""
    by_role = {role: find(document, f"{role}.benchmark.by_batch_size") or {} for role in PAIR}
    columns = [
        (size, role)
        for size in dict.fromkeys(size for sizes in by_role.values() for size in sizes)
        for role in PAIR
        if by_role[role].get(size) is not None
    ]
    if not columns:
        return []
    size, role = columns[0]
    rows = [
        (
            CATALOG[name].label,
            *(shown(name, by_role[role][size].get(name)) for size, role in columns),
        )
        for name in by_role[role][size]
    ]
    headings = ("Figure", *(f"Batch {size}: {role}" for size, role in columns))
    return [table("Times and rates by batch size", headings, rows, folded=True)]


def _timing(document: Node) -> list[Table]:
    """How the timing of each batch size went; empty where none was timed."""
    timings = {size: each for size, each in (document["timing"] or {}).items() if each is not None}
    if not timings:
        return []
    first = next(iter(timings.values()))
    rows = [
        (
            key.removesuffix("_s").replace("_", " "),
            *(
                words_of(key, each[key]) or why_missing(document, f"timing.{size}.{key}")
                for size, each in timings.items()
            ),
        )
        for key in first
    ]
    headings = ("What", *(f"Batch {size}" for size in timings))
    return [table("How the timing went", headings, rows, folded=True)]


def memory_chapter(document: Node) -> Chapter:
    """What each model needs of memory, alone in a fresh process."""
    plots, gaps = plots_and_gaps([("Memory over time", memory_plot(document))])
    tables = (
        model_table(document, "memory", "Memory of each model, alone in a fresh process"),
        pair_table(document, ("memory",), "Memory, student against teacher"),
    )
    methods = {find(document, f"{role}.memory.peak_method") for role in PAIR} - {None}
    lead = "Each model is measured alone in a fresh process." if methods else ""
    if "polled" in methods:
        lead += " Peaks are polled here and may miss short ones."
    return Chapter("memory", "Memory", lead, plots, tables, gaps)


def tradeoff_chapter(document: Node) -> Chapter:
    """Accuracy against cost, with the control where there is one."""
    found = tradeoff_plot(document, candidates_of(document))
    plots, gaps = plots_and_gaps([("Accuracy against cost", found)])
    if document["control"] is None:
        gaps += (f"Control: {why_missing(document, 'control')}",)
    tables = (
        pair_table(document, ("efficiency",), "Accuracy for size, student against teacher"),
        per_model_table(document, "distillation", "Accuracy for size, each model"),
    )
    return Chapter("tradeoff", "Trade-off", "", plots, tables, gaps)
