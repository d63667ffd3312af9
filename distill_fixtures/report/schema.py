"""The JSON Schemas of the result files, published in the package.

``python -m distill_fixtures.report.schema`` rewrites them; a test holds them against the models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from distill_fixtures.catalog import CATALOG
from distill_fixtures.report.comparison import Comparison
from distill_fixtures.report.document import Document
from distill_fixtures.report.leaderboard_document import Leaderboard

__all__ = ["SCHEMAS", "schema_file", "schema_of", "schema_text"]

SCHEMAS: dict[str, type[BaseModel]] = {
    "distillation_metrics": Document,
    "comparison_results": Comparison,
    "leaderboard": Leaderboard,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_file(name: str) -> Path:
    """Where the schema of ``name`` lies in the package."""
    return Path(__file__).with_name(f"{name}.schema.json")


def schema_of(name: str) -> dict[str, Any]:
    """The schema; metrics are described by label, unit and direction of the catalogue."""
    schema = {"$schema": DIALECT, **SCHEMAS[name].model_json_schema(mode="serialization")}
    sections = schema["$defs"]
    for section in (schema, *sections.values()):
        for key, value in section["properties"].items():
            value.pop("title", None)
            if "$ref" in value:
                described = sections[value["$ref"].rpartition("/")[2]]["description"]
                value.setdefault("description", described)
            elif key in CATALOG:
                value.setdefault("description", _described(key))
    return schema


def schema_text(name: str) -> str:
    """The file's content."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def _described(name: str) -> str:
    metric = CATALOG[name]
    better = "" if metric.direction == "none" else f"; {metric.direction} is better"
    return f"{metric.label}, {metric.unit}{better}"


if __name__ == "__main__":
    for each in SCHEMAS:
        schema_file(each).write_text(schema_text(each), encoding="utf-8")
