"""Models of the Hugging Face Hub: found in the local cache, asked for, downloaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.folders import read_json_object
from distill_fixtures.models.model_task import CLASSIFYING_ADAPTER, task_of_config

__all__ = [
    "HubId",
    "cached_snapshot",
    "check_online",
    "config_of_classifier",
    "download",
    "parse_hub_id",
]

# The early check may take five seconds in all.
CHECK_TIMEOUT_S = 3.0
PATTERNS = ["*.safetensors", "*.json", "*.txt", "*.model", "*.spm", "*.jinja"]
PICKLE_PATTERNS = ["*.bin"]
# Copies of the weights in a vendor's own layout, and subfolders.
NEVER_READ = ["consolidated*", "*/*"]
WEIGHT_SUFFIXES = (".safetensors", ".bin")
CODE_PATTERNS = ["*.py"]
_SHAPE = re.compile(
    r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*)(?:@(?P<revision>[\w./-]+))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class HubId:
    """``ORG/NAME`` and the revision asked for (None: the default branch)."""

    name: str
    revision: str | None = None


def parse_hub_id(reference: str) -> HubId | None:
    """Read ``ORG/NAME`` or ``ORG/NAME@REVISION``; None if it has another shape.

    >>> parse_hub_id("org/name@v1.0")
    HubId(name='org/name', revision='v1.0')
    >>> parse_hub_id("./a/folder") is None
    True
    """
    match = _SHAPE.fullmatch(reference)
    return HubId(match["id"], match["revision"]) if match else None


def cached_snapshot(hub_id: HubId) -> Path | None:
    """The folder in the local cache, or None where there is no copy. Never goes online.

    A snapshot that holds the configuration but no weights (someone only looked at it) is no copy.
    """
    from huggingface_hub import try_to_load_from_cache

    for name in ("config.json", "adapter_config.json"):
        found = try_to_load_from_cache(hub_id.name, name, revision=hub_id.revision)
        if isinstance(found, str):
            folder = Path(found).parent
            if any(path.suffix in WEIGHT_SUFFIXES for path in folder.iterdir()):
                return folder
    return None


def check_online(hub_id: HubId) -> Mapping[str, Any]:
    """Ask the Hub whether the model is there, within a few seconds.

    Returns:
        What it tells of the model's configuration, which is little: the architecture, or that it is
        an adapter. Empty where it tells nothing.

    Raises:
        ModelReferenceError: offline, unreachable, unknown or closed to this user.
    """
    from huggingface_hub import constants, model_info

    if constants.HF_HUB_OFFLINE:
        raise _unavailable(hub_id, "HF_HUB_OFFLINE is set")
    try:
        info = model_info(hub_id.name, revision=hub_id.revision, timeout=CHECK_TIMEOUT_S)
    except Exception as error:  # the client lets errors of several HTTP libraries through
        reason = str(error).strip().splitlines()
        raise _unavailable(
            hub_id, f"{type(error).__name__}: {reason[0] if reason else 'no message'}"
        ) from error
    return info.config or {}


def config_of_classifier(hub_id: HubId, told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a classifier on the Hub its config.json, which alone tells its labels; else nothing.

    Args:
        told: what the Hub tells of the model.

    Raises:
        ModelReferenceError: it is an adapter with a classifier's head, whose labels only its
            weights tell.
    """
    adapter = told.get("peft")
    if isinstance(adapter, Mapping) and adapter.get("task_type") == CLASSIFYING_ADAPTER:
        raise ModelReferenceError(
            f"the adapter {hub_id.name} of the Hub is not in the local cache",
            got="a classifier's head, whose labels are told by its weights alone",
            wanted="its files, to know its labels before anything is loaded",
            next_step=f"`hf download {hub_id.name}`, then run again",
        )
    if task_of_config(told) != "classification":
        return {}
    return read_json_object(_download_config(hub_id))


def _download_config(hub_id: HubId) -> Path:
    """Fetch config.json alone, some kilobytes.

    Raises:
        ModelReferenceError: it cannot be had.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(
            hf_hub_download(
                hub_id.name, "config.json", revision=hub_id.revision, etag_timeout=CHECK_TIMEOUT_S
            )
        )
    except Exception as error:  # as above
        raise _unavailable(hub_id, f"{type(error).__name__}: {error}"[:500]) from error


def download(hub_id: HubId, *, allow_pickle: bool = False, allow_code: bool = False) -> Path:
    """Fetch the files that the loader reads, with a progress bar on a terminal."""
    import sys

    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    patterns = (
        PATTERNS + (PICKLE_PATTERNS if allow_pickle else []) + (CODE_PATTERNS if allow_code else [])
    )
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        return Path(
            snapshot_download(
                hub_id.name,
                revision=hub_id.revision,
                allow_patterns=patterns,
                ignore_patterns=NEVER_READ,
            )
        )
    except Exception as error:  # as above
        raise _unavailable(hub_id, f"{type(error).__name__}: {error}"[:500]) from error


def _unavailable(hub_id: HubId, reason: str) -> ModelReferenceError:
    revision = f"@{hub_id.revision}" if hub_id.revision else ""
    return ModelReferenceError(
        f"the model {hub_id.name}{revision} is neither in the local cache nor available on the Hub",
        got=reason[:500],
        wanted="a copy in the cache, or a Hub that can be reached and has the model",
        next_step=f"`hf download {hub_id.name}` where there is a network, or give a folder",
    )
