"""What a kept score is kept under: a key for all that makes the model, one for what was asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from importlib import metadata

from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings, ScoreRequest
from distill_fixtures.models.scorer_version import SCORER_VERSION

__all__ = ["ModelIdentity", "library_versions", "model_key", "request_key"]

# What computes the scores beside this package; another version may compute others.
LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "gguf")


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """All of a model that its scores depend on.

    Attributes:
        digest: of weights, configuration, tokenizer, templates, and of an adapter's base.
        device: where it runs; of ``cuda:1`` the kind alone counts.
        dtype: number format of the weights in memory; ``auto``: the checkpoint's.
        dated: its chat template may put today's date into a prompt.
    """

    digest: str
    device: str
    dtype: str
    dated: bool = False


def model_key(identity: ModelIdentity, settings: GenerateSettings | None = None) -> bytes:
    """sha256 over the model, its surroundings and how it is asked, 32 bytes.

    Args:
        identity: the model.
        settings: where its texts end; None for likelihoods.
    """
    content = {
        "digest": identity.digest,
        "device": identity.device.partition(":")[0],
        "dtype": identity.dtype,
        "scorer_version": SCORER_VERSION,
        "libraries": library_versions(),
        "kind": "likelihood" if settings is None else "generate",
        "settings": None if settings is None else asdict(settings),
        # Which template that is stands in the files that make the digest.
        "chat_template": None if settings is None else "where the tokenizer has one",
        # Prompts that tell the date are other prompts tomorrow.
        "date": str(date.today()) if identity.dated and settings is not None else None,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def library_versions() -> dict[str, str | None]:
    """Versions of the libraries that compute scores; None where one is not installed."""
    return {name: _version(name) for name in LIBRARIES}


def request_key(request: ScoreRequest | GenerateRequest) -> bytes:
    """sha256 over the texts themselves, 32 bytes; the request's name is no part of it."""
    if isinstance(request, GenerateRequest):
        return _digest_of_texts([request.prompt])
    return _digest_of_texts([request.context, *request.continuations])


def _digest_of_texts(texts: Iterable[str]) -> bytes:
    """Each text after its length: no two lists of texts run together to the same bytes."""
    whole = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        whole.update(len(encoded).to_bytes(8, "little") + encoded)
    return whole.digest()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
