"""``docs/json.md``, rendered from the JSON Schemas.

``python -m distill_fixtures.report.json_markdown > docs/json.md`` rewrites it; a test holds file
and rendering together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from distill_fixtures.report.schema import SCHEMAS, schema_of

__all__ = ["json_markdown"]

INTRODUCTION = """# The result files

Generated from the models in `distill_fixtures/report/`; do not edit. The same as JSON Schema:
`distill_fixtures/report/*.schema.json`, in the package. What each metric means: `metrics.md`.

All are strict JSON (no NaN) and are written atomically. Times are in seconds, sizes in
bytes beside MB and GB (10^6, 10^9), rates per second, percentages 0 to 100. `null` means not
measured, never 0; `reasons` then says why, under the dotted path of the key, places in a list left
out: `"teacher.benchmark.latency_p99_s": "the 99th percentile needs at least 100 samples a round,
..."`. Of values by batch size, each has its own: `teacher.benchmark.throughput_samples_per_s.8`.
A null that the tables below explain themselves has no entry there. `leaderboard.json` is written
where there are several students; its nulls stand beside their reasons.
"""


def json_markdown() -> str:
    """Every key of the files, a table a section."""
    parts = [INTRODUCTION]
    for name in SCHEMAS:
        schema = schema_of(name)
        parts.append(f"## {name}.json\n")
        parts.append(_table(schema))
        for title in _reached(schema, schema["$defs"]):
            section = schema["$defs"][title]
            parts.append(f"### {title}\n\n{_one_line(section['description'])}\n")
            parts.append(_table(section))
    return "\n".join(parts)


def _reached(section: dict[str, Any], sections: dict[str, Any]) -> list[str]:
    """Names of sections in the order in which a reader meets them."""
    found: dict[str, None] = {}

    def walk(part: dict[str, Any]) -> None:
        for value in part["properties"].values():
            for name in _named(value):
                if name not in found:
                    found[name] = None
                    walk(sections[name])

    walk(section)
    return [*found]


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)


def _table(section: dict[str, Any]) -> str:
    rows = ["| key | type | meaning |", "| --- | --- | --- |"]
    needed = section.get("required", [])
    for key, value in section["properties"].items():
        kind = _kind(value) if key in needed else f"{_kind(value)}, or absent"
        rows.append(f"| `{key}` | {kind} | {_one_line(value['description'])} |")
    return "\n".join(rows) + "\n"


def _kind(value: dict[str, Any]) -> str:
    """A type in words.

    >>> _kind({"anyOf": [{"type": "number"}, {"type": "null"}]})
    'number or null'
    >>> _kind({"type": "object", "additionalProperties": {"type": "string"}})
    'mapping to string'
    """
    if "anyOf" in value:
        return " or ".join(_kind(each) for each in value["anyOf"])
    if "$ref" in value:
        return str(value["$ref"].rpartition("/")[2])
    if "prefixItems" in value:
        return f"[{', '.join(_kind(each) for each in value['prefixItems'])}]"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " or ".join(f"`{each}`" for each in value["enum"])
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        if not isinstance(inner, dict):
            return "mapping"
        kind = _kind(inner)
        return f"mapping to ({kind})" if "anyOf" in inner else f"mapping to {kind}"
    return str(value.get("type", "anything"))


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())


if __name__ == "__main__":
    print(json_markdown(), end="")
