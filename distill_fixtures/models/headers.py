"""Reading the header of a safetensors file without torch, trusting nothing in it.

Format: eight bytes of little-endian header length, a JSON object, then the tensors' bytes
(https://huggingface.co/docs/safetensors). A file from elsewhere may be cut short or made to harm,
so every length and offset is held against the file before it is used.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ModelReferenceError

__all__ = ["TensorHeader", "read_safetensors_header"]

# The format's own reference implementation refuses more.
MAX_HEADER_BYTES = 100_000_000
MAX_DIMENSIONS = 16

BITS_OF_DTYPE = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E5M2FNUZ": 8,
    "F8_E4M3FNUZ": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}


@dataclass(frozen=True, slots=True)
class TensorHeader:
    """One tensor as the header describes it.

    Attributes:
        dtype: the format's own name: ``F16``, ``BF16``, ``U8``.
        shape: sizes, outermost first; empty for a scalar.
        size_bytes: bytes that it takes in the file.
        start_byte: where in the file they begin. Tensors are compared without it.
    """

    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    start_byte: int = field(default=0, compare=False)

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def read_safetensors_header(path: Path) -> dict[str, TensorHeader]:
    """Tensors of a file by name.

    Raises:
        ModelReferenceError: the file is cut short, or its header does not describe it.
    """
    try:
        file_bytes = path.stat().st_size
        with path.open("rb") as file:
            prefix = file.read(8)
            if len(prefix) < 8:
                raise _broken(path, f"a file of {file_bytes} bytes")
            (header_bytes,) = struct.unpack("<Q", prefix)
            if header_bytes > MAX_HEADER_BYTES or 8 + header_bytes > file_bytes:
                raise _broken(
                    path, f"a header of {header_bytes} bytes in a file of {file_bytes} bytes"
                )
            raw = file.read(header_bytes)
    except OSError as error:
        raise _broken(path, f"{type(error).__name__}: {error.strerror}") from error
    return _tensors(path, _parse(path, raw), range(8 + header_bytes, file_bytes))


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"a header that is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise _broken(path, f"a header that is a {type(header).__name__}, not an object")
    return header


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name occurs twice")
    return names


def _tensors(path: Path, header: Mapping[str, Any], data: range) -> dict[str, TensorHeader]:
    """Check every entry; together they must fill the data exactly, without overlap.

    Args:
        data: the bytes of the file after its header.
    """
    data_bytes = len(data)
    tensors: dict[str, TensorHeader] = {}
    spans: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype, shape, begin, end = _fields(path, name, entry)
        if end > data_bytes:
            raise _broken(
                path, f"tensor {name!r} ends at byte {end} of {data_bytes}: the file is cut short"
            )
        wanted_bits = math.prod(shape) * BITS_OF_DTYPE[dtype]
        if wanted_bits % 8 or wanted_bits // 8 != end - begin:
            raise _broken(
                path,
                f"tensor {name!r} of {dtype} {list(shape)} in {end - begin} bytes",
            )
        tensors[name] = TensorHeader(dtype, shape, end - begin, data.start + begin)
        spans.append((begin, end, name))
    filled = 0
    for begin, end, name in sorted(spans):
        if begin != filled:
            raise _broken(path, f"tensor {name!r} begins at byte {begin} instead of {filled}")
        filled = end
    if filled != data_bytes:
        raise _broken(path, f"{data_bytes - filled} bytes after the last tensor")
    return tensors


def _fields(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """An entry's dtype, shape and byte span, each of the right kind."""
    if not isinstance(entry, dict):
        raise _broken(path, f"an entry for tensor {name!r} that is no object")
    dtype = entry.get("dtype")
    if not isinstance(dtype, str) or dtype not in BITS_OF_DTYPE:
        raise _broken(path, f"tensor {name!r} of unknown dtype {dtype!r}")
    shape = _sizes(entry.get("shape"))
    if shape is None or len(shape) > MAX_DIMENSIONS:
        raise _broken(path, f"tensor {name!r} of shape {entry.get('shape')!r}")
    offsets = _sizes(entry.get("data_offsets"))
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _broken(path, f"tensor {name!r} at offsets {entry.get('data_offsets')!r}")
    return dtype, shape, offsets[0], offsets[1]


def _sizes(value: Any) -> tuple[int, ...] | None:
    """A list of whole numbers from 0 (True is no number here), or None for anything else."""
    if isinstance(value, list) and all(type(item) is int and item >= 0 for item in value):
        return tuple(value)
    return None


def _broken(path: Path, got: str) -> ModelReferenceError:
    return ModelReferenceError(
        f"the weights file {path} cannot be read",
        got=got[:500],
        wanted="a whole safetensors file",
        next_step="copy or download the file again; `sha256sum` shows whether two copies differ",
    )
