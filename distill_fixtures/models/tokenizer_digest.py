"""Whether the token ids of two tokenizers mean the same."""

from __future__ import annotations

import hashlib
import json
from typing import Any

__all__ = ["tokenizer_digest"]


def tokenizer_digest(tokenizer: Any) -> str:
    """sha256 over the vocabulary and, for a fast tokenizer, its whole pipeline."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        content = json.dumps(sorted(tokenizer.get_vocab().items()))
    else:
        # Padding and truncation are a caller's settings and no part of the vocabulary.
        pipeline = json.loads(backend.to_str())
        content = json.dumps(pipeline | {"padding": None, "truncation": None}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
