"""The version of what this package makes of a model and a text."""

from __future__ import annotations

__all__ = ["SCORER_VERSION"]

SCORER_VERSION = 1
"""Part of every key of the score cache. Raise it with any change after which the same model may
give another score or another text for the same request: tokens, truncation, chat template, stops.
"""
