from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError, OptionError
from distill_fixtures.models.folders import FolderRules
from distill_fixtures.models.model_limits import check_room
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.references import absolute_reference, resolve_reference
from tests.models.served.fake_server import Behaviour, serving
from tests.tiny_models import make_tokenizer, save_adapter, save_llama


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture
def copy(llama: Path, tmp_path: Path) -> Path:
    """A model folder to be damaged."""
    target = tmp_path / "copy"
    target.mkdir()
    for path in llama.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def fault(reference: str | Path, **options: object) -> ModelReferenceError:
    start = time.monotonic()
    with pytest.raises(ModelReferenceError) as caught:
        resolve_reference(str(reference), **options)  # type: ignore[arg-type]
    assert time.monotonic() - start < 5
    error = caught.value
    assert all((error.what, error.got, error.wanted, error.next_step))
    return error


def test_full_model(llama: Path) -> None:
    plan = resolve_reference(str(llama))
    assert plan.kind == "full"
    assert [path.name for path in plan.weight_files] == ["model.safetensors"]
    assert {path.name for path in plan.other_files} >= {"config.json", "tokenizer.json"}
    assert plan.disk_bytes == sum(path.stat().st_size for path in llama.iterdir())


def test_duplicates_in_another_format_do_not_count(copy: Path) -> None:
    before = resolve_reference(str(copy)).disk_bytes
    for name in ("pytorch_model.bin", "tf_model.h5", "README.md", "vocab.json", "optimizer.pt"):
        (copy / name).write_bytes(b"x" * 1000)
    assert resolve_reference(str(copy)).disk_bytes == before


def test_shards_come_from_the_index(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "model-00001-of-00001.safetensors")
    index = copy / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}}))
    plan = resolve_reference(str(copy))
    assert [path.name for path in plan.weight_files] == ["model-00001-of-00001.safetensors"]
    assert index in plan.other_files


@pytest.mark.parametrize("name", ["../llama/model.safetensors", "missing.safetensors", 5])
def test_an_index_cannot_point_elsewhere(copy: Path, name: object) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    assert "missing" in fault(copy).what


def test_adapter_with_its_base(llama: Path, tmp_path: Path) -> None:
    plan = resolve_reference(str(save_adapter(tmp_path / "adapter", llama)))
    assert plan.kind == "adapter"
    assert plan.base is not None
    assert plan.base.folder == llama
    assert plan.disk_bytes == plan.adapter_bytes + plan.base.disk_bytes
    assert 0 < plan.adapter_bytes < plan.base.disk_bytes


def test_an_adapters_own_tokenizer_replaces_its_bases(llama: Path, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter", llama)
    before = resolve_reference(str(adapter))
    make_tokenizer().save_pretrained(adapter)
    plan = resolve_reference(str(adapter))
    assert plan.base is not None
    names = sorted(path.name for path in plan.files)
    assert names == sorted(path.name for path in before.files), "each name once"
    assert {path.parent for path in plan.tokenizer_files} == {adapter}
    assert not set(plan.base.tokenizer_files) & set(plan.files)
    # The same tokenizer, shipped in another place.
    assert plan.disk_bytes == before.disk_bytes


def test_a_plan_outlives_a_change_of_the_folder(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(llama.parent)
    adapter = save_adapter(tmp_path / "adapter", Path(llama.name))
    plans = {
        "full": resolve_reference(llama.name),
        "adapter": resolve_reference(os.path.relpath(adapter)),
    }
    located = {"full": str(llama), "adapter": str(adapter)}
    assert absolute_reference(llama.name) == str(llama)
    assert absolute_reference("org/name@v1") == "org/name@v1"
    monkeypatch.chdir("/")
    assert plans["full"].reference == llama.name
    for kind, plan in plans.items():
        assert plan.disk_bytes > 0
        assert Path(plan.location).is_absolute()
        assert Path(plan.location).samefile(located[kind])
        base = None if plan.base is None else plan.base.location
        again = resolve_reference(plan.location, base_model=base)
        assert again.files == plan.files


def test_base_can_be_named(llama: Path, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter", llama)
    config = adapter / "adapter_config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"base_model_name_or_path": str(tmp_path / "gone")}))
    assert "base model" in fault(adapter).what
    assert "--distill-base-model" in fault(adapter).next_step
    plan = resolve_reference(str(adapter), base_model=str(llama))
    assert plan.base is not None
    assert plan.base.folder == llama


def test_an_adapter_is_no_base(llama: Path, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter", llama)
    assert "adapter itself" in fault(adapter, base_model=str(adapter)).what


def test_missing_path(tmp_path: Path) -> None:
    assert "leads nowhere" in fault(tmp_path / "nothing").what


def test_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    error = fault(tmp_path)
    assert "is no model" in error.what
    assert error.got == "notes.txt"


def test_a_file_is_no_folder(llama: Path) -> None:
    assert "is a file" in fault(llama / "model.safetensors").what


def test_no_weights(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert "has no weights" in fault(copy).what


def test_no_tokenizer(copy: Path) -> None:
    (copy / "tokenizer.json").unlink()
    assert "has no tokenizer" in fault(copy).what


def test_truncated_weights(copy: Path) -> None:
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut short" in fault(copy).got


@pytest.mark.parametrize("text", ["{", "[]", "\x00", "1" * 5000])
def test_broken_configuration(copy: Path, text: str) -> None:
    (copy / "config.json").write_text(text)
    assert "config.json cannot be used" in fault(copy).what


def test_pickles_must_be_asked_for(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert "--distill-allow-pickle" in fault(copy).next_step
    plan = resolve_reference(str(copy), rules=FolderRules(allow_pickle=True))
    assert [path.name for path in plan.weight_files] == ["pytorch_model.bin"]


def test_custom_code_must_be_asked_for(copy: Path) -> None:
    config = copy / "config.json"
    content = json.loads(config.read_text()) | {"auto_map": {"AutoModel": "evil.Model"}}
    config.write_text(json.dumps(content))
    assert "--distill-trust-remote-code" in fault(copy).next_step
    plan = resolve_reference(str(copy), rules=FolderRules(trust_remote_code=True))
    assert plan.trust_remote_code


@pytest.mark.parametrize(
    ("reference", "hint"), [("demo:techer", "demo:teacher"), ("demo:zzz", "give one")]
)
def test_unknown_built_in_model(reference: str, hint: str) -> None:
    assert hint in fault(reference).next_step


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_no_link_leads_out_of_the_folder(name: str, copy: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / name
    elsewhere.parent.mkdir()
    (copy / name).rename(elsewhere)
    (copy / name).symlink_to(elsewhere)
    error = fault(copy)
    assert "leads out of it" in error.what
    assert str(elsewhere) in error.got


def test_a_link_within_the_folder_and_one_to_it_are_followed(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").rename(copy / "real.safetensors")
    (copy / "model.safetensors").symlink_to("real.safetensors")
    (tmp_path / "link").symlink_to(copy)
    assert resolve_reference(str(tmp_path / "link")).kind == "full"


def test_the_hub_s_cache_is_made_of_links(copy: Path, tmp_path: Path) -> None:
    snapshot, blobs = (tmp_path / "models--a--b" / part for part in ("snapshots/0", "blobs"))
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, path in enumerate(sorted(copy.iterdir())):
        path.rename(blobs / str(number))
        (snapshot / path.name).symlink_to(Path("../../blobs") / str(number))
    assert resolve_reference(str(snapshot)).kind == "full"


def test_a_link_that_leads_nowhere(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").symlink_to("gone")
    assert "has no weights" in fault(copy).what


def test_what_may_not_be_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refuse)
    error = fault(copy)
    assert "cannot be followed" in error.what
    assert "Permission denied" in error.got


def test_an_image_model_is_no_language_model(copy: Path) -> None:
    (copy / "config.json").write_text('{"architectures": ["ViTForImageClassification"]}')
    error = fault(copy)
    assert "no language model" in error.what
    assert "ViTForImageClassification" in error.got


def test_a_folder_of_adapters_is_asked_back(llama: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_adapter(tmp_path / "adapters" / name, llama)
    error = fault(tmp_path / "adapters")
    assert error.got == "one, two"
    assert str(tmp_path / "adapters" / "one") in error.next_step


def test_a_served_model_is_asked_for_at_once() -> None:
    with serving(Behaviour()) as base_url:
        plan = resolve_reference(f"openai+{base_url}?model=words")
        assert (plan.kind, plan.files, plan.location) == ("served", (), plan.reference)
        error = fault(f"openai+{base_url}?model=other")
    assert "no model 'other'" in error.what
    assert "words" in error.got
    assert "cannot be reached" in fault(f"openai+{base_url}?model=words").what


def test_gguf_magic(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    assert "cannot be read" in fault(path).what
    path.write_bytes(b"NOPE1234")
    assert "is no usable GGUF file" in fault(path).what


@pytest.mark.parametrize("name", ["n_positions", "max_position_embeddings", "n_ctx"])
def test_room_is_told_from_the_configuration(name: str, tmp_path: Path) -> None:
    plan = ModelPlan("m", "full", tmp_path, config={name: 64})
    check_room({"teacher": plan}, 63)
    for of_role in (plan, ModelPlan("a", "adapter", tmp_path, base=plan)):
        with pytest.raises(OptionError) as caught:
            check_room({"student": of_role}, 64)
        error = caught.value
        assert "--distill-new-tokens" in error.what
        assert "64" in error.got
        assert f"student {of_role.reference}" in error.got
        assert error.wanted == "at most 63"


@pytest.mark.parametrize("config", [{}, {"n_ctx": None}, {"n_positions": -1}])
def test_a_configuration_that_says_nothing_of_room(
    config: dict[str, object], tmp_path: Path
) -> None:
    check_room({"teacher": ModelPlan("m", "full", tmp_path, config=config)}, 10**9)


def test_hub_without_a_copy_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = fault("no-such-org/no-such-model@main")
    assert "no-such-org/no-such-model@main" in error.what
    assert "HF_HUB_OFFLINE" in error.got


def test_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: object, timeout: float, **__: object) -> None:
        assert timeout <= 3
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "model_info", unreachable)
    assert "ConnectionError: no route" in fault("no-such-org/no-such-model").got


def test_hub_copy_in_the_cache(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda repo, name, revision=None: str(copy / name) if name == "config.json" else None,
    )
    plan = resolve_reference("org/model@v1")
    assert (plan.kind, plan.hub_id, plan.revision) == ("full", "org/model", "v1")
    assert plan.reference == "org/model@v1"
    assert plan.folder == copy


def test_a_mistyped_folder_is_not_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert "leads nowhere" in fault("models/studnet").what


def test_no_heavy_import(llama: Path) -> None:
    code = (
        "import sys; from distill_fixtures.models.references import resolve_reference;"
        f"resolve_reference({str(llama)!r});"
        "print([n for n in ('torch', 'transformers', 'peft', 'tokenizers') if n in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
