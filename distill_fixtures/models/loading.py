"""From a checked plan to a model in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from distill_fixtures.errors import MeasurementError, ModelReferenceError
from distill_fixtures.models.adapter_fit import check_fit
from distill_fixtures.models.counting import count_module
from distill_fixtures.models.devices import torch_dtype
from distill_fixtures.models.file_digests import IN_PROCESS, FileDigests
from distill_fixtures.models.identity import card_of_plan
from distill_fixtures.models.in_process import model_in_process
from distill_fixtures.models.labels import labels_of_plan
from distill_fixtures.models.library_noise import quiet_libraries, quiet_products
from distill_fixtures.models.model_task import AUTO_CLASSES, CLASSIFYING_ADAPTER, task_of_plan
from distill_fixtures.models.packed_weights import cast_plain_weights
from distill_fixtures.models.peft_head import adapter_tensors
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import InProcessModel, Model
from distill_fixtures.models.quantised import check_device, method_of
from distill_fixtures.models.served.served_model import ServedModel
from distill_fixtures.models.several_gpus import layers_over_gpus, refuse_layers_elsewhere

__all__ = ["load_model", "load_module", "load_tokenizer", "open_model"]

# Of a library's message.
SHOWN_LINES = 3


def open_model(
    plan: ModelPlan,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    digests: FileDigests = IN_PROCESS,
) -> Model:
    """A model that can be asked: loaded, or behind its server. Arguments as ``load_model``'s."""
    if plan.served is not None:
        return ServedModel(plan.served, card_of_plan(plan, digests))
    return load_model(plan, device=device, dtype=dtype, digests=digests)


def load_model(
    plan: ModelPlan,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    digests: FileDigests = IN_PROCESS,
) -> InProcessModel:
    """Load a plan whose files are local.

    Args:
        device: as ``resolve_device`` gives it.
        dtype: as ``resolve_dtype`` gives it.
        digests: knows the digests of files that have not changed.

    Raises:
        ModelReferenceError: the files do not make up the model that its configuration describes.
    """
    tokenizer = load_tokenizer(plan)
    module = load_module(plan, device=device, dtype=dtype)
    counts = count_module(module)
    card = replace(
        card_of_plan(plan, digests),
        parameters_total=counts.total,
        parameters_trainable=counts.trainable,
        parameters_non_embedding=counts.non_embedding,
    )
    if plan.kind == "gguf":
        card = replace(card, architecture=type(module).__name__)
    return model_in_process(module, tokenizer, card)


def load_tokenizer(plan: ModelPlan) -> Any:
    """The tokenizer beside the weights; an adapter's own where it has one, else its base's."""
    with quiet_libraries():
        from transformers import AutoTokenizer

        if plan.base is not None and not plan.tokenizer_files:
            return load_tokenizer(plan.base)
        extra = {"gguf_file": plan.weight_files[0].name} if plan.kind == "gguf" else {}
        try:
            return AutoTokenizer.from_pretrained(
                plan.folder,
                local_files_only=True,
                trust_remote_code=plan.trust_remote_code,
                **extra,
            )
        except Exception as error:  # libraries fail on bad files in ways of their own
            raise _not_loadable(plan, "tokenizer", error) from error


def load_module(plan: ModelPlan, *, device: str, dtype: str) -> Any:
    """The weights in eval mode on the device: the base first, then an adapter, unmerged."""
    if plan.kind == "hub":
        raise MeasurementError(
            f"the model {plan.reference} is not downloaded yet",
            got="a plan without files",
            wanted="a plan with files",
            next_step="call fetch(plan) first",
        )
    source = plan.base or plan
    check_device(source.reference, source.config, device)
    with quiet_libraries():
        adapter = None if plan.base is None else plan
        module = _load_full(source, device, dtype, adapter=adapter)
        if plan.base is not None:
            module = _put_adapter_on(plan, module)
    # What was laid over several devices stays there.
    if method_of(source.config) is None and not getattr(module, "hf_device_map", None):
        module = module.to(device)
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module


def _load_full(
    plan: ModelPlan, device: str, dtype: str, *, adapter: ModelPlan | None = None
) -> Any:
    """A whole model; as the base of an adapter, for the adapter's task and with its labels."""
    import transformers

    task = task_of_plan(adapter or plan)
    if plan.kind == "gguf":
        _need_gguf(plan)
        extra: dict[str, Any] = {"gguf_file": plan.weight_files[0].name}
    else:
        extra = {"use_safetensors": plan.weight_files[0].suffix == ".safetensors"}
    if adapter is not None and task == "classification":
        extra |= _labels(adapter)
    if method_of(plan.config) is not None:
        # Packed weights are put where they will stay at once: not every kind can be moved.
        extra["device_map"] = {"": device}
        quiet_products()
    over_gpus = layers_over_gpus(adapter or plan, device, dtype)
    extra |= over_gpus
    try:
        module, report = getattr(transformers, AUTO_CLASSES[task]).from_pretrained(
            plan.folder,
            dtype=torch_dtype(dtype),
            local_files_only=True,
            trust_remote_code=plan.trust_remote_code,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, by name
            **extra,
        )
    except Exception as error:  # libraries fail on bad files in ways of their own
        raise _not_loadable(plan, "weights", error) from error
    if isinstance(getattr(module.config, "quantization_config", None), Mapping):
        raise _unread_packing(plan)
    _refuse_random_numbers(plan, report, adapter)
    if over_gpus:
        refuse_layers_elsewhere(plan, module)
    cast_plain_weights(module)
    return module


def _labels(adapter: ModelPlan) -> dict[str, Any]:
    """Settings that give an adapter's base as many outputs as the adapter has labels."""
    labels = labels_of_plan(adapter)
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: place for place, label in enumerate(labels)},
    }


def _refuse_random_numbers(
    plan: ModelPlan, report: Mapping[str, Any], adapter: ModelPlan | None
) -> None:
    """Unused tensors in a file are normal; a tensor that is not there would be random numbers.

    What an adapter brings whole takes the place of whatever its base has.

    Args:
        report: transformers' own account of the load.
    """
    brought = () if adapter is None else adapter_tensors(adapter)
    next_step = f"compare {plan.folder / 'config.json'} with the weights beside it"
    if adapter is not None and adapter.config.get("task_type") == CLASSIFYING_ADAPTER:
        next_step += f"; what the base lacks {adapter.reference} must bring (modules_to_save)"
    for fault in ("missing_keys", "mismatched_keys", "error_msgs"):
        names = sorted(
            str(key)
            for key in report.get(fault) or ()
            # A mismatch is a name with two shapes.
            if (key if isinstance(key, str) else key[0]) not in brought
        )
        if names:
            raise ModelReferenceError(
                f"the weights of {plan.reference} do not fit its configuration",
                got=f"{fault.replace('_', ' ')}: {', '.join(names[:5])} ({len(names)} in all)",
                wanted="every parameter of the architecture, in its shape",
                next_step=next_step,
            )


def _unread_packing(plan: ModelPlan) -> ModelReferenceError:
    """transformers passes over a method that it does not know, and reads packed weights as plain:
    it then leaves its settings as they are in the file."""
    import transformers

    return ModelReferenceError(
        f"the model {plan.reference!r} is quantised in a way that this transformers does not know",
        got=f"{method_of(plan.config)}, with transformers {transformers.__version__}",
        wanted="a transformers version that reads it",
        next_step="pip install --upgrade transformers",
    )


def _put_adapter_on(plan: ModelPlan, base: Any) -> Any:
    from peft import PeftModel, get_peft_model_state_dict

    try:
        module = PeftModel.from_pretrained(base, str(plan.folder), is_trainable=False)
    except Exception as error:  # libraries fail on bad files in ways of their own
        raise _not_loadable(plan, "adapter", error) from error
    check_fit(plan, module, set(get_peft_model_state_dict(module, save_embedding_layers=False)))
    return module


def _need_gguf(plan: ModelPlan) -> None:
    import importlib.util

    if importlib.util.find_spec("gguf") is None:
        raise ModelReferenceError(
            f"the GGUF file {plan.weight_files[0]} cannot be loaded here",
            got="the package gguf is not installed",
            wanted="gguf, which transformers reads such files with",
            next_step="pip install gguf",
        )


def _not_loadable(plan: ModelPlan, part: str, error: Exception) -> ModelReferenceError:
    path: Path = plan.weight_files[0] if plan.kind == "gguf" else plan.folder
    said = "; ".join(line.strip() for line in str(error).splitlines()[:SHOWN_LINES] if line.strip())
    is_adapter = part == "adapter"
    return ModelReferenceError(
        f"the {part} of {plan.reference} cannot be loaded from {path}",
        got=f"{type(error).__name__}: {said or 'no message'}"[:500],
        wanted="an adapter of this very base"
        if is_adapter
        else "a model that this transformers version knows",
        next_step="name the base that it was trained on with --distill-base-model"
        if is_adapter
        else "load it with transformers alone to see its whole message",
    )
