"""``distill-bench summary``: a run in Markdown."""

from __future__ import annotations

import argparse
import sys

from distill_fixtures.commands.run_files import add_run_argument, document_path
from distill_fixtures.report.markdown import summary_markdown
from distill_fixtures.report.reading import read_document

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_argument(parser)


def run(given: argparse.Namespace) -> int:
    sys.stdout.write(summary_markdown(read_document(document_path(given.file))))
    return 0
