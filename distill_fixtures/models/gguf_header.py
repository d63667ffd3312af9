"""Reading the header of a GGUF file without torch, trusting nothing in it.

Format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): magic, version, how many tensors
and how many settings; the settings, each a name, a type and a value; for each tensor a name, its
sizes, its type and where its bytes begin; then, aligned, the bytes. A file may be cut short or made
to harm, so nothing is read that the file cannot hold, and every length is held against it first.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

from distill_fixtures.errors import ModelReferenceError

__all__ = ["BLOCKS", "GgufHeader", "GgufTensor", "read_gguf_header"]

MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
MAX_HEADER_BYTES = 1 << 30
MAX_DIMENSIONS = 8
# Far more than any model has; each takes memory once it is read.
MOST_TENSORS = 1_000_000
MOST_SETTINGS = 100_000
# A value of a list is kept up to here; longer ones, such as vocabularies, are only measured.
MOST_KEPT = 64
# Ten times the largest vocabulary; more would only take time.
MOST_TEXTS = 4_000_000

NUMBERS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
STRING, ARRAY = 8, 9

BLOCKS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
}
"""Of each type of tensor: its name, how many weights a block holds, and the block's bytes."""


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor as the header describes it.

    Attributes:
        kind: the format's own name: ``F16``, ``Q4_K``.
        shape: sizes, innermost first, as the format has them.
        size_bytes: bytes that it takes in the file.
    """

    kind: str
    shape: tuple[int, ...]
    size_bytes: int

    @property
    def elements(self) -> int:
        """Weights that it holds, however they are packed."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a file says of itself.

    Attributes:
        settings: by name; of a long list only how long it is (see ``lengths``).
        lengths: of each list among the settings.
        tensors: by name.
    """

    settings: Mapping[str, Any]
    lengths: Mapping[str, int]
    tensors: Mapping[str, GgufTensor]

    @property
    def architecture(self) -> str:
        """``llama``, ``qwen2``, ...; empty where the file does not say."""
        found = self.settings.get("general.architecture")
        return found if isinstance(found, str) else ""

    @property
    def window(self) -> int | None:
        """Tokens that the model can look at together; None where the file does not say."""
        found = self.settings.get(f"{self.architecture}.context_length")
        return found if isinstance(found, int) and found > 0 else None


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check a file's header, and that its tensors lie within the file.

    Raises:
        ModelReferenceError: it is no GGUF file, is cut short, or does not fit together.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _Reader(path, file, size).header()
    except OSError as error:
        raise ModelReferenceError(
            f"the GGUF file {path} cannot be read",
            got=f"{type(error).__name__}: {error.strerror}",
            wanted="a readable file",
            next_step="check the path",
        ) from error


@dataclass(slots=True)
class _Reader:
    """Reads forward through a file, never past what it can hold."""

    path: Path
    file: IO[bytes]
    size: int
    settings: dict[str, Any] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    def header(self) -> GgufHeader:
        magic = self.file.read(len(MAGIC))
        if magic != MAGIC:
            self._broken(f"first bytes {magic!r}", wanted=repr(MAGIC))
        version = self._number("<I")
        if version not in VERSIONS:
            self._broken(f"version {version}", wanted=f"version {' or '.join(map(str, VERSIONS))}")
        tensors, settings = self._number("<Q"), self._number("<Q")
        # The least that each of them takes.
        counted = f"{tensors} tensors, {settings} settings"
        self._must_hold(tensors * 24 + settings * 13, counted)
        if tensors > MOST_TENSORS or settings > MOST_SETTINGS:
            self._broken(counted, wanted=f"at most {MOST_TENSORS} and {MOST_SETTINGS}")
        for _ in range(settings):
            name = self._string()
            self.settings[name] = self._value(name, self._number("<I"))
        found = dict(self._tensor() for _ in range(tensors))
        if len(found) != tensors:
            self._broken("two tensors of one name")
        self._check_extent(found)
        return GgufHeader(
            self.settings, self.lengths, {name: tensor for name, (tensor, _) in found.items()}
        )

    def _check_extent(self, found: Mapping[str, tuple[GgufTensor, int]]) -> None:
        alignment = self.settings.get("general.alignment", DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            self._broken(f"general.alignment {alignment!r}")
        begin = -(-self.file.tell() // alignment) * alignment
        for name, (tensor, offset) in found.items():
            end = begin + offset + tensor.size_bytes
            if offset % alignment or end > self.size:
                self._broken(
                    f"tensor {name[:80]!r} ends at byte {end} of {self.size}",
                    next_step="download the file again: it is cut short",
                )
        taken = 0
        for offset, size, name in sorted(
            (at, it.size_bytes, name) for name, (it, at) in found.items()
        ):
            if offset < taken:
                self._broken(
                    f"tensor {name[:80]!r} begins within another, at byte {begin + offset}"
                )
            taken = offset + size

    def _tensor(self) -> tuple[str, tuple[GgufTensor, int]]:
        name, dimensions = self._string(), self._number("<I")
        if dimensions > MAX_DIMENSIONS:
            self._broken(f"tensor {name[:80]!r} of {dimensions} dimensions")
        shape = tuple(self._number("<Q") for _ in range(dimensions))
        kind, offset = self._number("<I"), self._number("<Q")
        if kind not in BLOCKS:
            self._broken(f"tensor {name[:80]!r} of unknown type {kind}")
        label, weights, size = BLOCKS[kind]
        if math.prod(shape[:1]) % weights:
            self._broken(f"tensor {name[:80]!r} of {label} with rows of {shape[0]} weights")
        return name, (GgufTensor(label, shape, math.prod(shape) // weights * size), offset)

    def _value(self, name: str, kind: int) -> Any:
        if kind in NUMBERS:
            return self._number(NUMBERS[kind])
        if kind == STRING:
            return self._string()
        if kind != ARRAY:
            self._broken(f"setting {name[:80]!r} of unknown type {kind}")
        inner, count = self._number("<I"), self._number("<Q")
        if inner not in NUMBERS and inner != STRING:
            self._broken(f"setting {name[:80]!r} is a list of type {inner}")
        each = 8 if inner == STRING else struct.calcsize(NUMBERS[inner])
        self._must_hold(count * each, f"setting {name[:80]!r} of {count} values")
        if inner == STRING and count > MOST_TEXTS:
            self._broken(f"setting {name[:80]!r} of {count} texts")
        self.lengths[name] = count
        if count > MOST_KEPT and inner in NUMBERS:
            self.file.seek(count * each, 1)
            return None
        values = [
            self._string() if inner == STRING else self._number(NUMBERS[inner])
            for _ in range(count)
        ]
        return values if count <= MOST_KEPT else None

    def _string(self) -> str:
        length = self._number("<Q")
        self._must_hold(length, f"a text of {length} bytes")
        return self._read(length).decode("utf-8", "replace")

    def _number(self, shape: str) -> Any:
        (value,) = struct.unpack(shape, self._read(struct.calcsize(shape)))
        return value

    def _read(self, count: int) -> bytes:
        found = self.file.read(count)
        if len(found) < count or self.file.tell() > MAX_HEADER_BYTES:
            self._broken(
                f"a header that ends at byte {self.file.tell()} of {self.size}",
                next_step="download the file again: it is cut short",
            )
        return found

    def _must_hold(self, count: int, what: str) -> None:
        if self.file.tell() + count > self.size:
            self._broken(
                f"{what} in a file of {self.size} bytes",
                next_step="download the file again: it is cut short, or no model at all",
            )

    def _broken(
        self,
        got: str,
        *,
        wanted: str = "a whole GGUF file",
        next_step: str = "convert or download the model again",
    ) -> NoReturn:
        raise ModelReferenceError(
            f"{self.path} is no usable GGUF file", got=got[:500], wanted=wanted, next_step=next_step
        )
