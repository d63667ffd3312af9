"""The header of a GGUF file, written by the format's own library and broken by hand."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.gguf_header import BLOCKS, GgufTensor, read_gguf_header


def write(path: Path) -> Path:
    """A file with every kind of setting and two kinds of tensors."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(2048)
    writer.add_float32("some.float", 0.5)
    writer.add_bool("some.bool", True)
    writer.add_uint64("some.large", 2**40)
    writer.add_array("some.list", [1, 2, 3])
    writer.add_array("long.list", list(range(1000)))
    writer.add_token_list([f"token{number}" for number in range(500)])
    writer.add_tensor("token_embd.weight", np.zeros((500, 32), dtype=np.float16))
    packed = gguf.quants.quantize(
        np.ones((4, 64), dtype=np.float32), gguf.GGMLQuantizationType.Q8_0
    )
    writer.add_tensor("packed.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("gguf") / "m.gguf").read_bytes()


def test_reads_what_the_library_wrote(tmp_path: Path) -> None:
    header = read_gguf_header(write(tmp_path / "m.gguf"))
    assert header.architecture == "llama"
    assert header.window == 2048
    assert header.settings["some.float"] == 0.5
    assert header.settings["some.bool"] is True
    assert header.settings["some.large"] == 2**40
    assert header.settings["some.list"] == [1, 2, 3]
    assert header.settings["long.list"] is None
    assert header.lengths["long.list"] == 1000
    assert header.lengths["tokenizer.ggml.tokens"] == 500
    assert header.tensors == {
        "token_embd.weight": GgufTensor("F16", (32, 500), 32 * 500 * 2),
        "packed.weight": GgufTensor("Q8_0", (64, 4), 64 * 4 // 32 * 34),
    }
    assert header.tensors["packed.weight"].elements == 256


def test_sizes_of_blocks_are_the_library_s() -> None:
    known = {
        int(kind): (kind.name, *sizes) for kind, sizes in gguf.constants.GGML_QUANT_SIZES.items()
    }
    assert {kind: known[kind] for kind in BLOCKS} == dict(BLOCKS)


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ModelReferenceError) as caught:
        read_gguf_header(path)
    return str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_cut_short(whole: bytes, share: float, tmp_path: Path) -> None:
    message = refused(tmp_path / "m.gguf", whole[: int(share * len(whole))])
    assert "next:   " in message
    assert any(words in message for words in ("download the file again", "in a file of", "first"))


def start(tensors: int, count: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, count) + rest


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"NOPE" + bytes(20), "first bytes"),
        (start(0, 0, version=1), "version 1"),
        (start(2**60, 0), "tensors"),
        (start(0, 2**60), "settings"),
        (start(0, 1, struct.pack("<Q", 2**62) + bytes(13)), "a text of"),
        (start(0, 1, text("k") + struct.pack("<I", 99) + bytes(8)), "unknown type 99"),
        (start(0, 1, text("k") + struct.pack("<IIQ", 9, 9, 1) + bytes(8)), "a list of type 9"),
        (start(0, 1, text("k") + struct.pack("<IIQ", 9, 8, 2**50) + bytes(8)), "values"),
        (start(1, 0, text("t") + struct.pack("<I", 99) + bytes(20)), "99 dimensions"),
        (start(1, 0, text("t") + struct.pack("<IQIQ", 1, 4, 5, 0) + bytes(9)), "unknown type 5"),
        (start(1, 0, text("t") + struct.pack("<IQIQ", 1, 4, 8, 0) + bytes(9)), "rows of 4"),
        (start(1, 0, text("t") + struct.pack("<IQIQ", 1, 2**40, 0, 0) + bytes(9)), "ends at byte"),
        (start(1, 0, text("t") + struct.pack("<IQIQ", 1, 1, 0, 3) + bytes(99)), "ends at byte"),
        (
            start(2, 0, 2 * (text("t") + struct.pack("<IQIQ", 1, 1, 0, 0)) + bytes(99)),
            "two tensors of one name",
        ),
        (
            start(
                2, 0, b"".join(text(n) + struct.pack("<IQIQ", 1, 8, 0, 0) for n in "ab") + bytes(99)
            ),
            "begins within another",
        ),
        (start(1_000_001, 0, bytes(25 * 10**6)), "1000001 tensors"),
        (start(0, 100_001, bytes(2 * 10**6)), "100001 settings"),
        (
            start(0, 1, text("general.alignment") + struct.pack("<II", 4, 0) + bytes(9)),
            "general.alignment 0",
        ),
    ],
)
def test_what_does_not_fit_together(content: bytes, said: str, tmp_path: Path) -> None:
    assert said in refused(tmp_path / "m.gguf", content)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ModelReferenceError, match="cannot be read"):
        read_gguf_header(tmp_path / "none.gguf")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_changed_bytes_are_read_or_refused(whole: bytes, data: Any, tmp_path: Path) -> None:
    """Never another error, whatever a byte of the header becomes."""
    content = bytearray(whole[:4000] + whole[-2000:])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 300))] = data.draw(st.integers(0, 255))
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with suppress(ModelReferenceError):
        read_gguf_header(path)
