"""Models that cannot be measured: one message of four parts, exit code 4, nothing written over.

What headers and configurations tell is refused at once and without torch. What only loading, or the
first question, tells is refused as soon as it is found.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.models.served.fake_server import KEY, MODEL, Behaviour, serving
from tests.plugin.test_bad_input import EARLIER, MOST_PROCESSOR_S, USAGE_ERROR
from tests.plugin.tiny_inputs import Tiny, tiny_llama
from tests.plugin.workspace import QuickStarter, Workspace, tree
from tests.tiny_models import VOCABULARY, save, save_adapter, save_llama

Damage = Callable[[Path], None]
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Bad:
    """A model that cannot be measured.

    Attributes:
        damage: what is done to a copy of a good model's folder.
        named: what the message must name.
        reference: how the folder is named; ``{model}`` is the copy, ``{here}`` the folder above.
        options: further ones.
        tried: arguments that select what is run, where it has to be loaded or asked to be found
            out.
        server: how the server behaves, where the model is behind one.
    """

    damage: Damage
    named: tuple[str, ...]
    reference: str = "{model}"
    options: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    server: dict[str, Any] | None = None


def nothing(folder: Path) -> None:
    """The folder is as good as it was."""


def read_header(path: Path) -> tuple[dict[str, Any], bytes]:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def write_header(path: Path, header: Any, data: bytes, *, length: int | None = None) -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)


def cut(folder: Path) -> None:
    raw = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(raw[: len(raw) // 2])


def header(change: Callable[[dict[str, Any]], Any], length: int | None = None) -> Damage:
    """Change the weights' header; what the change returns is written in its place."""

    def damage(folder: Path) -> None:
        found, data = read_header(folder / WEIGHTS)
        write_header(folder / WEIGHTS, change(found), data, length=length)

    return damage


def unknown_dtype(found: dict[str, Any]) -> dict[str, Any]:
    next(entry for name, entry in found.items() if name != "__metadata__")["dtype"] = "F7"
    return found


def change_json(path: Path, **changes: object) -> None:
    """Change keys of a file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def tensors(change: Callable[[dict[str, Any]], None], name: str = WEIGHTS) -> Damage:
    """Change the tensors themselves."""

    def damage(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        found = load_file(folder / name)
        change(found)
        save_file(found, folder / name, metadata={"format": "pt"})

    return damage


NORM = "model.norm.weight"


def drop_norm(found: dict[str, Any]) -> None:
    del found[NORM]


def rename_norm(found: dict[str, Any]) -> None:
    found["model.norme.weight"] = found.pop(NORM)


def reshape_norm(found: dict[str, Any]) -> None:
    found[NORM] = found[NORM][:-1].clone()


def nan_norm(found: dict[str, Any]) -> None:
    found[NORM] = found[NORM] * float("nan")


def index(weight_map: object) -> Damage:
    """Put an index of shards in place of the weights."""

    def damage(folder: Path) -> None:
        (folder / WEIGHTS).rename(folder / "model-00001-of-00002.safetensors")
        content = json.dumps({"weight_map": weight_map})
        (folder / "model.safetensors.index.json").write_text(content)

    return damage


def config(**changes: object) -> Damage:
    """Change config.json."""

    def damage(folder: Path) -> None:
        change_json(folder / "config.json", **changes)

    return damage


def without(*names: str) -> Damage:
    def damage(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return damage


def text(name: str, content: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_text(content)

    return damage


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def closed(folder: Path) -> None:
    folder.chmod(0)


def may_read_everything(here: Path) -> bool:
    """Whether modes of folders do not bind this user, as they do not bind most roots."""
    folder = here / "closed"
    folder.mkdir(mode=0)
    return os.access(folder, os.R_OK)


def link(target: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / WEIGHTS).symlink_to(target)

    return damage


def huge(folder: Path) -> None:
    """Two terabytes of weights, all of them a hole in the file."""
    count = 1 << 39
    entry = {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}
    write_header(folder / WEIGHTS, {"model.embed_tokens.weight": entry}, b"")
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate((folder / WEIGHTS).stat().st_size + 4 * count)


def adapter(change: Damage = nothing, **settings: object) -> Damage:
    """Put an adapter beside the copy, and change its settings and its folder."""

    def damage(folder: Path) -> None:
        place = save_adapter(folder.parent / "adapter", folder)
        change_json(place / "adapter_config.json", **settings)
        change(place)

    return damage


def other_base(place: Path) -> None:
    """Its base becomes a model of another width."""
    base = save(tiny_llama(hidden=64, layers=2, seed=3), place.parent / "wider")
    change_json(place / "adapter_config.json", base_model_name_or_path=str(base))


def shallower_base(place: Path) -> None:
    """Its base becomes a model of fewer layers."""
    base = save(tiny_llama(hidden=32, layers=1, seed=3), place.parent / "shallower")
    change_json(place / "adapter_config.json", base_model_name_or_path=str(base))


def drop_first(found: dict[str, Any]) -> None:
    del found[min(found)]


def many_adapters(folder: Path) -> None:
    for name in ("first", "second"):
        (folder.parent / "adapters" / name).mkdir(parents=True)
        (folder.parent / "adapters" / name / "adapter_config.json").write_text("{}")


def gguf(change: Callable[[bytes], bytes], architecture: str = "llama") -> Damage:
    """Write a small GGUF file beside the copy, and change its bytes."""

    def damage(folder: Path) -> None:
        import numpy as np
        from gguf import GGUFWriter

        path = folder.parent / "m.gguf"
        writer = GGUFWriter(path, architecture)
        writer.add_tensor("token_embd.weight", np.zeros((100, 32), dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        path.write_bytes(change(path.read_bytes()))

    return damage


def vocabulary_too_large(folder: Path) -> None:
    """The embedding loses its last rows, which the tokenizer goes on using."""
    rows = VOCABULARY // 8

    def cut_rows(found: dict[str, Any]) -> None:
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            if name in found:
                found[name] = found[name][:rows].clone()

    tensors(cut_rows)(folder)
    config(vocab_size=rows)(folder)


def no_end(folder: Path) -> None:
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        change_json(folder / name, eos_token_id=None, eos_token=None)


def file_for_a_folder(folder: Path) -> None:
    (folder.parent / "model.txt").write_text("a model?")


def served(query: str = f"model={MODEL}", **behaviour: Any) -> dict[str, Any]:
    return {"reference": "openai+{server}?" + query, "server": behaviour}


ADAPTER, GGUF = "{here}/adapter", "{here}/m.gguf"
ACCURACY = ("-m", "accuracy")

AT_ONCE = {
    "weights cut short": Bad(cut, (WEIGHTS, "cut short")),
    "a header beyond the file": Bad(header(lambda it: it, 10**9), (WEIGHTS, "a header of")),
    "a header that is no JSON": Bad(header(lambda it: b"{nonsense"), (WEIGHTS, "no JSON")),
    "an unknown dtype": Bad(header(unknown_dtype), (WEIGHTS, "F7")),
    "a shard missing": Bad(
        index({"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}),
        ("model-00002-of-00002.safetensors", "missing"),
    ),
    "an index that points outside": Bad(
        index({"a": "../../secret.safetensors"}), ("../../secret.safetensors",)
    ),
    "an index of nothing": Bad(index({}), ("names no shards",)),
    "no configuration": Bad(without("config.json"), ("is no model", "config.json")),
    "a configuration that is no JSON": Bad(text("config.json", "{"), ("config.json",)),
    "a configuration that is a list": Bad(text("config.json", "[1]"), ("config.json", "list")),
    "a configuration of brackets": Bad(text("config.json", '{"a":' * 100_000), ("config.json",)),
    "no tokenizer": Bad(without("tokenizer.json"), ("has no tokenizer", "tokenizer.json")),
    "no weights": Bad(without(WEIGHTS), ("has no weights", WEIGHTS)),
    "pickled weights": Bad(pickled, ("pytorch_model.bin", "--distill-allow-pickle")),
    "code of its own": Bad(
        config(auto_map={"AutoModelForCausalLM": "own.Model"}), ("--distill-trust-remote-code",)
    ),
    "an image model": Bad(
        config(architectures=["ViTForImageClassification"]), ("ViTForImageClassification",)
    ),
    "an unknown quantisation": Bad(
        config(quantization_config={"quant_method": "crystal"}),
        ("not known", "crystal", "bitsandbytes, "),
    ),
    "a quantisation without its package": Bad(
        config(quantization_config={"quant_method": "aqlm"}),
        ("quantised with aqlm", "aqlm is not installed", 'pip install "aqlm"'),
    ),
    "a quantised base": Bad(
        adapter(lambda place: config(quantization_config={"bits": 2})(place.parent / "model")),
        ("base model of the adapter", "not known"),
        reference=ADAPTER,
    ),
    "an empty folder": Bad(empty, ("is no model", "an empty folder")),
    "a file for a folder": Bad(
        file_for_a_folder, ("is a file", "model.txt"), reference="{here}/model.txt"
    ),
    "a folder that may not be read": Bad(closed, ("Permission denied",)),
    "a link that leads nowhere": Bad(link("gone"), ("has no weights",)),
    "a link that leads out": Bad(link("/etc/hostname"), (WEIGHTS, "/etc/hostname")),
    "a name of the Hub while offline": Bad(
        nothing, ("HF_HUB_OFFLINE", "hf download"), reference="nobody/nothing"
    ),
    "a revision of the Hub while offline": Bad(
        nothing, ("nobody/nothing@v9",), reference="nobody/nothing@v9"
    ),
    "more memory than there is": Bad(huge, ("do not fit", "2199.0 GB", "are free")),
    "an adapter without its base": Bad(
        adapter(base_model_name_or_path="/moved/away"),
        ("/moved/away", "--distill-base-model"),
        reference=ADAPTER,
    ),
    "an adapter that names no base": Bad(
        adapter(base_model_name_or_path=None), ("--distill-base-model",), reference=ADAPTER
    ),
    "an adapter over a server": Bad(
        adapter(base_model_name_or_path=f"openai+http://127.0.0.1:9/v1?model={MODEL}"),
        ("cannot go on a model behind a server",),
        reference=ADAPTER,
    ),
    "other weights than those that lie there": Bad(
        config(transformers_weights="other.safetensors"),
        ("leads out of its own files", "other.safetensors"),
    ),
    "several adapters": Bad(many_adapters, ("first, second",), reference="{here}/adapters"),
    "a GGUF file cut short": Bad(
        gguf(lambda raw: raw[:-5000]), ("m.gguf", "cut short"), reference=GGUF
    ),
    "a GGUF file of something else": Bad(
        gguf(lambda raw: b"PK\x03\x04" + raw), ("m.gguf", "first bytes"), reference=GGUF
    ),
    "nobody serves": Bad(
        nothing, ("cannot be reached",), reference=f"openai+http://127.0.0.1:9/v1?model={MODEL}"
    ),
    "a key in the address": Bad(
        nothing, ("OPENAI_API_KEY",), reference="openai+http://me:hidden@127.0.0.1:9/v1?model=m"
    ),
    "a server of other models": Bad(
        nothing, ("no model 'words'", "a, b"), **served(names=("a", "b"))
    ),
    "a server that answers a page": Bad(nothing, ("protocol's JSON",), **served(html=True)),
    "a server that fails": Bad(nothing, ("HTTP 500",), **served(status=500)),
    "a server that wants a key": Bad(
        nothing, ("refuses the key", "OPENAI_API_KEY is not set"), **served(key=KEY)
    ),
    "a server that is slow": Bad(
        nothing,
        ("does not answer in time", "timeout_s"),
        **served(f"model={MODEL}&timeout_s=0.3", wait_s=2.0),
    ),
    "a card with a slip": Bad(
        text("../card.json", '{"disk_byte": 1}'),
        ("card.json", "did you mean disk_bytes"),
        **served(f"model={MODEL}&card={{here}}/card.json"),
    ),
}

WHEN_TRIED = {
    "a tensor missing": Bad(tensors(drop_norm), (NORM, "missing"), tried=ACCURACY),
    "a tensor of a wrong name": Bad(tensors(rename_norm), (NORM,), tried=ACCURACY),
    "a tensor of another shape": Bad(tensors(reshape_norm), (NORM,), tried=ACCURACY),
    "an unknown architecture": Bad(
        config(model_type="nosuch", architectures=["NoSuchForCausalLM"]),
        ("nosuch",),
        tried=ACCURACY,
    ),
    "a configuration without sense": Bad(
        config(hidden_size="wide"), ("cannot be loaded",), tried=ACCURACY
    ),
    "a tokenizer without sense": Bad(
        text("tokenizer.json", "{}"), ("tokenizer", "cannot be loaded"), tried=ACCURACY
    ),
    "a tokenizer beyond the embedding": Bad(
        vocabulary_too_large, ("rows", "token"), tried=ACCURACY
    ),
    "an adapter of another base": Bad(
        adapter(other_base), ("adapter", "--distill-base-model"), reference=ADAPTER, tried=ACCURACY
    ),
    "an adapter of a deeper base": Bad(
        adapter(shallower_base),
        ("layers.1", "--distill-base-model"),
        reference=ADAPTER,
        tried=ACCURACY,
    ),
    "an adapter without a tensor": Bad(
        adapter(tensors(drop_first, "adapter_model.safetensors")),
        ("missing", "lora_A"),
        reference=ADAPTER,
        tried=ACCURACY,
    ),
    "a GGUF file of an unknown architecture": Bad(
        gguf(lambda raw: raw, "nosuch"), ("m.gguf",), reference=GGUF, tried=ACCURACY
    ),
    "weights that are no numbers": Bad(tensors(nan_norm), ("nan", "'q"), tried=ACCURACY),
    "no end of text": Bad(
        no_end,
        ("no token that ends a text", "--distill-scoring"),
        options=("--distill-scoring=generate",),
        tried=ACCURACY,
    ),
    "a window too small for the options": Bad(
        config(max_position_embeddings=2),
        ("cannot be scored", "1 to 2 tokens"),
        options=("--distill-new-tokens=1",),
        tried=ACCURACY,
    ),
    "a server without log-probabilities": Bad(
        nothing,
        ("no log-probabilities", "--distill-scoring generate"),
        tried=ACCURACY,
        **served(echoes=False),
    ),
    "a server whose log-probabilities are shifted": Bad(
        nothing,
        ("other tokens than their own", "--distill-scoring generate"),
        tried=ACCURACY,
        **served(shift=1),
    ),
    "a server that breaks off": Bad(
        nothing,
        ("broke off a stream",),
        tried=("-k", "test_time_per_sample"),
        **served(cut_after=2),
    ),
}


@dataclass
class Ground:
    """Where a case is tried."""

    workspace: Workspace
    tiny: Tiny
    here: Path
    stack: ExitStack

    def attempt(self, case: Bad, *, heavy: bool) -> tuple[str, float]:
        """Run the suite with the bad model as teacher; its message, and processor seconds."""
        model = shutil.copytree(self.good, self.here / "model")
        case.damage(model)
        try:
            return self._run(case, heavy=heavy)
        finally:
            model.chmod(0o755)

    @property
    def good(self) -> Path:
        folder = self.here.parent / "good"
        return folder if folder.exists() else save_llama(folder)

    def _run(self, case: Bad, *, heavy: bool) -> tuple[str, float]:
        words = {"here": str(self.here), "model": str(self.here / "model")}
        if case.server is not None:
            words["server"] = self.stack.enter_context(serving(Behaviour(**case.server)))
        for name, content in EARLIER.items():
            self.workspace.write(name, content)
        before = tree(self.workspace.folder)
        teacher = case.reference.format(**words)
        arguments = [*self.tiny.options(teacher_model=teacher), *case.options, *case.tried]
        outcome = self.workspace.quick(*arguments)
        assert tree(self.workspace.folder) == before
        assert outcome.returncode == USAGE_ERROR, outcome.output
        assert "Traceback" not in outcome.output
        assert "INTERNALERROR" not in outcome.output
        if not heavy:
            assert not outcome.loaded_heavy
        return outcome.output, outcome.processor_s


@pytest.fixture
def ground(workspace: Workspace, tiny: Tiny, tmp_path: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        yield Ground(workspace, tiny, tmp_path / "given", stack)


@pytest.fixture
def heavy_ground(tmp_path: Path, tiny: Tiny, heavy_starter: QuickStarter) -> Iterator[Ground]:
    with ExitStack() as stack:
        yield Ground(Workspace(tmp_path / "heavy", heavy_starter), tiny, tmp_path / "given", stack)


def check_message(output: str, named: tuple[str, ...]) -> None:
    """One message, in its four parts, that names what it must."""
    for part in ("got:    ", "wanted: ", "next:   "):
        assert output.count(f"  {part}") == 1, output
    for word in named:
        assert word in output, output


@pytest.mark.parametrize("name", AT_ONCE)
def test_found_before_anything_is_loaded(name: str, ground: Ground, tmp_path: Path) -> None:
    case = AT_ONCE[name]
    if case.damage is closed and may_read_everything(tmp_path):
        pytest.skip("this user may read everything")
    output, processor_s = ground.attempt(case, heavy=False)
    check_message(output, case.named)
    assert processor_s < MOST_PROCESSOR_S
    assert KEY not in output
    assert "hidden" not in output


@pytest.mark.parametrize("name", WHEN_TRIED)
def test_found_when_it_is_tried(name: str, heavy_ground: Ground) -> None:
    case = WHEN_TRIED[name]
    output, _ = heavy_ground.attempt(case, heavy=True)
    check_message(output, case.named)


def test_there_are_cases_enough() -> None:
    assert len(AT_ONCE) + len(WHEN_TRIED) >= 40
