"""Reading a model folder: which files its loader will use, and whether they are sound.

Reads JSON and safetensors headers only; importing transformers to do it would take seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.models.elsewhere import (
    TEMPLATES_FOLDER,
    refuse_links_out,
    refuse_other_adapters,
    refuse_other_tokenizers,
    refuse_other_weights,
)
from distill_fixtures.models.headers import read_safetensors_header
from distill_fixtures.models.other_tasks import refuse_other_tasks, refuse_unfit_base
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.quantised import check_packages

__all__ = [
    "TEMPLATE_FILES",
    "FolderRules",
    "plan_of_adapter",
    "plan_of_full_model",
    "read_json_object",
    "runs_code_from_elsewhere",
    "tokenizer_files",
    "unlisted_files",
]

CONFIG_FILES = ("config.json", "generation_config.json")
TOKENIZER_SETTINGS = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
# Those of them that may hold a chat template.
TEMPLATE_FILES = ("tokenizer_config.json", "chat_template.jinja", "chat_template.json")
# A fast tokenizer is one file; these are read only where it is missing.
SLOW_TOKENIZER_FILES = (
    *("vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model"),
    *("sentencepiece.bpe.model", "source.spm", "target.spm"),
)
# A tokenizer's class may look at a vocabulary beside tokenizer.json, and at templates of its own.
MORE_TOKENIZER_FILES = (*SLOW_TOKENIZER_FILES, "tekken.json")
MAX_JSON_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class FolderRules:
    """What the user has allowed.

    Attributes:
        allow_pickle: ``.bin`` weights may be read. Unpickling runs code from the file.
        trust_remote_code: the folder's Python code may run.
    """

    allow_pickle: bool = False
    trust_remote_code: bool = False


def plan_of_full_model(
    reference: str, folder: Path, rules: FolderRules, *, is_base: bool = False
) -> ModelPlan:
    """Check a folder written by ``save_pretrained`` and list what the loader reads of it.

    Args:
        is_base: an adapter goes on it; whether it suits that one is looked at with the adapter.
    """
    refuse_links_out(folder)
    config = read_json_object(folder / "config.json")
    _refuse_custom_code(reference, config, rules)
    if not is_base:
        refuse_other_tasks(folder, config)
    check_packages(reference, config)
    tokenizer = tokenizer_files(folder)
    if not tokenizer:
        raise ModelReferenceError(
            f"the model folder {folder} has no tokenizer",
            got=_listing(folder),
            wanted="tokenizer.json, or vocab.json, vocab.txt or tokenizer.model",
            next_step="save it there with `tokenizer.save_pretrained(FOLDER)`",
        )
    weights, index = _weight_files(folder, "model", "pytorch_model", rules)
    refuse_other_weights(reference, config, (index or weights)[0].name)
    present = tuple(folder / name for name in CONFIG_FILES if (folder / name).is_file())
    return ModelPlan(
        reference=reference,
        kind="full",
        folder=folder,
        weight_files=weights,
        other_files=index + present + tokenizer,
        tokenizer_files=tokenizer,
        config=config,
        trust_remote_code=rules.trust_remote_code,
    )


def plan_of_adapter(reference: str, folder: Path, base: ModelPlan, rules: FolderRules) -> ModelPlan:
    """Check a PEFT adapter's folder; its tokenizer, where it has one, replaces the base's."""
    refuse_links_out(folder)
    config = read_json_object(folder / "adapter_config.json")
    _refuse_custom_code(reference, config, rules)
    refuse_unfit_base(config, base)
    refuse_other_adapters(reference, config)
    weights, index = _weight_files(folder, "adapter_model", "adapter_model", rules)
    if index:
        raise ModelReferenceError(
            f"the adapter in {folder} is in several files",
            got=index[0].name,
            wanted="adapter_model.safetensors, the one file that PEFT reads",
            next_step="save the adapter again with PEFT's `save_pretrained`",
        )
    tokenizer = tokenizer_files(folder)
    return ModelPlan(
        reference=reference,
        kind="adapter",
        folder=folder,
        weight_files=weights,
        other_files=(folder / "adapter_config.json", *tokenizer),
        tokenizer_files=tokenizer,
        config=config,
        base=base,
        trust_remote_code=rules.trust_remote_code,
    )


def unlisted_files(plan: ModelPlan) -> tuple[Path, ...]:
    """Files that a plan does not count among what must be shipped, but whose change may make it
    another model: each that a loader may look at, and the folder's own code where that may run.
    """
    folder, found = plan.folder, set[Path]()
    if plan.kind == "gguf":
        found.add(folder / "generation_config.json")
    elif plan.tokenizer_files:
        # The tokenizer's class may be told by the configuration.
        found |= {folder / name for name in (*MORE_TOKENIZER_FILES, "config.json")}
        found.update((folder / TEMPLATES_FOLDER).glob("*.jinja"))
        # Tokenizers of newer versions, which tokenizer_config.json may name.
        found.update(folder.glob("tokenizer.*.json"))
    if plan.trust_remote_code and plan.kind != "hub":
        found.update(folder.glob("*.py"))
    listed = plan.weight_files + plan.other_files
    return tuple(sorted(path for path in found - set(listed) if path.is_file()))


def runs_code_from_elsewhere(plan: ModelPlan) -> bool:
    """Whether the model's Python code lies in another repository, named ``ORG/NAME--module.Class``,
    so that it may change while the folder stays the same."""
    if not plan.trust_remote_code:
        return False
    settings = [plan.config]
    if (plan.folder / "tokenizer_config.json") in plan.tokenizer_files:
        settings.append(read_json_object(plan.folder / "tokenizer_config.json"))
    if any("--" in str(each.get("auto_map")) for each in settings):
        return True
    return plan.base is not None and runs_code_from_elsewhere(plan.base)


def read_json_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file that may hold anything."""
    got = "a file that cannot be read"
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            got = f"{path.stat().st_size} bytes"
            raise ValueError("too large for a configuration")
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
        got = f"a JSON {type(content).__name__}"
        cause: Exception | None = None
    except (OSError, ValueError, RecursionError) as error:
        got, cause = f"{type(error).__name__}: {error}"[:500], error
    raise ModelReferenceError(
        f"{path} cannot be used",
        got=got,
        wanted="a JSON object in UTF-8, as `save_pretrained` writes it",
        next_step="save or download the model again",
    ) from cause


def tokenizer_files(folder: Path) -> tuple[Path, ...]:
    """The tokenizer's files; empty where there is no vocabulary."""
    vocabulary: tuple[str, ...] = ("tokenizer.json",)
    if not (folder / "tokenizer.json").is_file():
        vocabulary = tuple(n for n in SLOW_TOKENIZER_FILES if (folder / n).is_file())
        if not vocabulary:
            return ()
    settings = tuple(name for name in TOKENIZER_SETTINGS if (folder / name).is_file())
    if "tokenizer_config.json" in settings:
        given = read_json_object(folder / "tokenizer_config.json")
        refuse_other_tokenizers(str(folder), given)
    return tuple(folder / name for name in vocabulary + settings)


def _weight_files(
    folder: Path, stem: str, pickle_stem: str, rules: FolderRules
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Weights and their index, in the loader's own order of preference."""
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.is_file():
        read_safetensors_header(single)
        return (single,), ()
    if index.is_file():
        shards = _shards(folder, index, ".safetensors")
        for shard in shards:
            read_safetensors_header(shard)
        return shards, (index,)
    pickled, pickle_index = folder / f"{pickle_stem}.bin", folder / f"{pickle_stem}.bin.index.json"
    if pickled.is_file() or pickle_index.is_file():
        if not rules.allow_pickle:
            raise ModelReferenceError(
                f"the weights in {folder} are pickled",
                got=pickled.name if pickled.is_file() else pickle_index.name,
                wanted=f"{single.name}: loading a pickle runs whatever code it holds",
                next_step="save the model as safetensors, or give --distill-allow-pickle if you "
                "trust where it comes from",
            )
        if pickled.is_file():
            return (pickled,), ()
        return _shards(folder, pickle_index, ".bin"), (pickle_index,)
    raise ModelReferenceError(
        f"the model folder {folder} has no weights",
        got=_listing(folder),
        wanted=f"{single.name}, or {index.name} and its shards",
        next_step="save them there with `model.save_pretrained(FOLDER)`",
    )


def _shards(folder: Path, index: Path, suffix: str) -> tuple[Path, ...]:
    weight_map = read_json_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelReferenceError(
            f"{index} names no shards",
            got=f"weight_map: {type(weight_map).__name__}",
            wanted="an object from tensor name to file name",
            next_step="save or download the model again",
        )
    shards = []
    for name in weight_map.values():
        # A name with a path in it would let a foreign index point anywhere on the disk, and one of
        # another kind would be read as what it is called: a pickle, say.
        if (
            not isinstance(name, str)
            or Path(name).name != name
            or Path(name).suffix != suffix
            or not (folder / name).is_file()
        ):
            raise ModelReferenceError(
                f"a shard that {index} names is missing",
                got=repr(name),
                wanted=f"a {suffix} file in {folder}",
                next_step="download the missing file",
            )
        shards.append(folder / name)
    return tuple(dict.fromkeys(shards))


def _refuse_custom_code(reference: str, config: Mapping[str, Any], rules: FolderRules) -> None:
    if config.get("auto_map") and not rules.trust_remote_code:
        raise ModelReferenceError(
            f"the model {reference!r} brings Python code of its own",
            got=f"auto_map: {config['auto_map']!r}"[:300],
            wanted="an architecture that transformers has",
            next_step="read that code, then give --distill-trust-remote-code to let it run",
        )


def _listing(folder: Path) -> str:
    """The folder's first names, for an error message."""
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return "an empty folder"
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
