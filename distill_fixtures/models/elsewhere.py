"""Refusing links and settings that lead to other files than those that a plan names.

transformers and PEFT follow some settings of a model's own JSON files to further files, of any
folder or of the Hub. What they found there would be measured under the names, sizes and digests of
the files that were checked. A link could have any file of this machine read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill_fixtures.errors import ModelReferenceError

__all__ = [
    "TEMPLATES_FOLDER",
    "refuse_links_out",
    "refuse_other_adapters",
    "refuse_other_tokenizers",
    "refuse_other_weights",
]

TEMPLATES_FOLDER = "additional_chat_templates"
# Of files that a loader may look at.
READ_SUFFIXES = (".json", ".safetensors", ".bin", ".txt", ".model", ".spm", ".jinja", ".py")

ATTENTION = ("attn_implementation", "_attn_implementation")
READS_ANOTHER_STATE = frozenset(("AVERAGE_SOURCE_TASKS", "EXACT_SOURCE_TASK", "ONLY_SOURCE_SHARED"))


def refuse_links_out(folder: Path) -> None:
    """Refuse a folder with a link out of it, before any of its files is read.

    A link in a folder from elsewhere could have any file of this machine read. The Hub's cache is
    made of links into a folder beside; those are followed.
    """
    root = folder.resolve()
    allowed = [root]
    if root.parent.name == "snapshots":
        allowed.append(root.parent.parent / "blobs")
    for path in (*folder.iterdir(), *(folder / TEMPLATES_FOLDER).glob("*")):
        if path.suffix not in READ_SUFFIXES and path.name != TEMPLATES_FOLDER:
            continue
        real = path.resolve()
        if not any(each in real.parents for each in allowed) and real.exists():
            raise ModelReferenceError(
                f"a file of the model folder {folder} leads out of it",
                got=f"{path.name}, a link to {real}",
                wanted="files that lie in the folder itself",
                next_step="give the folder that the link leads into, or put a copy in its place",
            )


def refuse_other_weights(reference: str, config: Mapping[str, Any], entry: str) -> None:
    """Refuse a configuration that names other weights, or code of the Hub.

    Args:
        config: the content of config.json.
        entry: the file that the loader begins with: the weights, or the index of their shards.

    Raises:
        ModelReferenceError: says which setting.
    """
    named = config.get("transformers_weights")
    if named is not None and named != entry:
        raise _refused(
            reference,
            got=f"transformers_weights: {named!r} in config.json",
            wanted=f"{entry}, which lies in its folder",
            next_step="take the setting out, and give the weights that file's name",
        )
    for kernel in _kernels(config):
        raise _refused(
            reference,
            got=f"attn_implementation: {kernel!r} in config.json, compiled code of the Hub",
            wanted="an implementation of attention that transformers has",
            next_step="take the setting out of config.json",
        )


def _kernels(config: Mapping[str, Any]) -> Iterator[str]:
    """Repositories of the Hub among the settings of attention, those of a model's parts too."""
    for name, value in config.items():
        if name in ATTENTION:
            named = value.values() if isinstance(value, Mapping) else [value]
            yield from (each for each in named if isinstance(each, str) and "/" in each)
        elif isinstance(value, Mapping):
            yield from _kernels(value)


def refuse_other_tokenizers(folder: str, settings: Mapping[str, Any]) -> None:
    """Refuse a tokenizer that is read out of another folder.

    Args:
        settings: the content of tokenizer_config.json.

    Raises:
        ModelReferenceError: ``fast_tokenizer_files`` names a path, or nothing of use.
    """
    named = settings.get("fast_tokenizer_files", [])
    plain = isinstance(named, list) and all(
        isinstance(each, str) and not {"/", "\\"} & set(each) for each in named
    )
    if not plain:
        raise _refused(
            folder,
            got=f"fast_tokenizer_files: {named!r} in tokenizer_config.json",
            wanted="names of files in the folder itself",
            next_step="take the setting out: tokenizer.json is read then",
        )


def refuse_other_adapters(reference: str, config: Mapping[str, Any]) -> None:
    """Refuse an adapter that PEFT puts together from files elsewhere.

    Args:
        config: the content of adapter_config.json.

    Raises:
        ModelReferenceError: says which setting.
    """
    kind = str(config.get("peft_type")).upper()
    wanted = "an adapter whose weights lie in its own folder"
    if kind == "XLORA":
        raise _refused(
            reference,
            got=f"peft_type XLORA over adapters elsewhere: {config.get('adapters')!r}",
            wanted=wanted,
            next_step="give one of these adapters, or a merged model",
        )
    begun = str(config.get("prompt_tuning_init")).upper()
    if kind == "MULTITASK_PROMPT_TUNING" and begun in READS_ANOTHER_STATE:
        path = config.get("prompt_tuning_init_state_dict_path")
        raise _refused(
            reference,
            got=f"prompt_tuning_init_state_dict_path: {path!r} in adapter_config.json",
            wanted=wanted,
            next_step='set "prompt_tuning_init": "RANDOM" there: the trained prompt is in the '
            "adapter's own weights",
        )


def _refused(reference: str, *, got: str, wanted: str, next_step: str) -> ModelReferenceError:
    return ModelReferenceError(
        f"the model {reference} leads out of its own files",
        got=got[:500],
        wanted=wanted,
        next_step=next_step,
    )
