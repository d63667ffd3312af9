"""Keeping transformers and huggingface_hub quiet where a person would not want their noise."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_libraries", "quiet_products"]

# Says at every product of 8-bit weights that it rounds activations.
CHATTERING = "bitsandbytes.autograd._functions"


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Errors only, no progress bars without a terminal; what was set before is put back.

    Faults that matter here (missing weights, say) are checked by the loader itself, not read
    off a log.
    """
    from transformers.utils import logging as noise

    verbosity, bars = noise.get_verbosity(), noise.is_progress_bar_enabled()
    noise.set_verbosity_error()
    if not sys.stderr.isatty():
        noise.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        noise.set_verbosity(verbosity)
        if bars:
            noise.enable_progress_bar()


def quiet_products() -> None:
    """From now on, no line in the log for each product of packed weights: it takes time, which
    would be measured, and some hundred of them go into a token."""
    logging.getLogger(CHATTERING).setLevel(logging.ERROR)
