"""Who a model is and how large, read from its files before it is loaded.

Counts come from safetensors headers. Once the model is loaded, ``counting`` counts the modules
themselves; the tests hold the two against each other.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distill_fixtures.models.file_digests import IN_PROCESS, FileDigests
from distill_fixtures.models.folders import TEMPLATE_FILES, unlisted_files
from distill_fixtures.models.gguf_header import GgufHeader
from distill_fixtures.models.headers import TensorHeader, read_safetensors_header
from distill_fixtures.models.model_task import (
    name_of_architecture,
    task_of_config,
    task_of_plan,
)
from distill_fixtures.models.peft_head import adapter_tensors
from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.quantised import method_of
from distill_fixtures.models.served.card_file import architecture_of_served, card_of_served
from distill_fixtures.models.tied_weights import (
    PlacedTensor,
    copies_of_embeddings,
    is_input_embedding,
)
from distill_fixtures.records import ModelCard, Undefined

__all__ = [
    "ParameterCounts",
    "architecture_of_plan",
    "card_of_plan",
    "counts_of_plan",
    "digest_of_files",
    "digest_of_plan",
    "template_may_tell_the_date",
]

DTYPE_NAMES = {
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
OUTPUT_EMBEDDINGS = ("lm_head.weight", "lm_head.bias", "embed_out.weight")
# Buffers, some saved by older versions only, and weights that T5 had and never used.
NO_PARAMETERS = (
    *(".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq", ".position_ids"),
    *("final_logits_bias", ".EncDecAttention.relative_attention_bias.weight"),
)
# Random projections of VeRA and RandLoRA, which are saved and never trained.
NO_ADAPTER_PARAMETERS = ("vera_A", "vera_B", "randlora_A", "randlora_B")
GGUF_EMBEDDINGS = ("token_embd.weight", "output.weight", "output.bias")
# Factors of the rotary positions, which are computed and not trained.
GGUF_NO_PARAMETERS = ("rope_freqs.", "rope_factors_")
# Frozen tables of sines and cosines under the name of learned positions.
COMPUTED_POSITIONS = frozenset({"marian", "pegasus", "fsmt", "roformer"})


@dataclass(frozen=True, slots=True)
class ParameterCounts:
    """Logical parameters: tied weights once, a replaced module once."""

    total: int
    trainable: int
    non_embedding: int


def card_of_plan(plan: ModelPlan, digests: FileDigests = IN_PROCESS) -> ModelCard:
    """Everything that a model's files say of it.

    Args:
        plan: where the files are.
        digests: knows the digests of files that have not changed; the others are read once.
    """
    if plan.served is not None:
        return card_of_served(plan.reference, plan.served, plan.config)
    counts = counts_of_plan(plan)
    return ModelCard(
        reference=plan.reference,
        digest=digest_of_plan(plan, digests),
        architecture=architecture_of_plan(plan),
        disk_bytes=plan.disk_bytes,
        weights_bytes=plan.weights_bytes,
        adapter_bytes=plan.adapter_bytes
        if plan.kind == "adapter"
        else Undefined("the model is no adapter"),
        parameters_total=counts if isinstance(counts, Undefined) else counts.total,
        parameters_trainable=counts if isinstance(counts, Undefined) else counts.trainable,
        parameters_non_embedding=counts if isinstance(counts, Undefined) else counts.non_embedding,
        dtype=_dtype_of_plan(plan),
    )


def digest_of_plan(plan: ModelPlan, digests: FileDigests = IN_PROCESS) -> str:
    """sha256 over names and contents of weights, configuration, tokenizer and templates, of the
    model's own code where it may run, and of an adapter's base.

    Where the files lie does not matter: a moved or renamed folder is the same model.
    """
    files = dict.fromkeys(plan.weight_files + plan.other_files + unlisted_files(plan))
    own = digest_of_files(files, digests)
    if plan.base is None:
        return own
    of_base = digest_of_plan(plan.base, digests)
    return hashlib.sha256(f"{own} over {of_base}".encode()).hexdigest()


def template_may_tell_the_date(plan: ModelPlan) -> bool:
    """Whether a chat template may put today's date into a prompt, which no digest holds.

    Told from the call that templates make for it; inside a GGUF file it cannot be looked for.
    """
    if plan.kind == "gguf":
        return True
    templates = [path for path in plan.files if path.name in TEMPLATE_FILES]
    return any(b"strftime_now" in path.read_bytes() for path in templates)


def digest_of_files(paths: Iterable[Path], digests: FileDigests = IN_PROCESS) -> str:
    """sha256 over each file's name and content, in the order of the names."""
    whole = hashlib.sha256()
    for path in sorted(paths, key=lambda path: (path.name, str(path))):
        whole.update(f"{path.name}\0{digests.of(path)}\n".encode())
    return whole.hexdigest()


def architecture_of_plan(plan: ModelPlan) -> str:
    """The model's class, as its configuration names it; an adapter names its kind too."""
    if plan.kind == "gguf":
        return "GGUF"
    if plan.served is not None:
        return architecture_of_served(plan.config)
    if plan.base is not None:
        return f"{architecture_of_plan(plan.base)} + {plan.config.get('peft_type', 'adapter')}"
    return name_of_architecture(plan.config) or str(plan.config.get("model_type", "unknown"))


def counts_of_plan(plan: ModelPlan) -> ParameterCounts | Undefined:
    """Logical parameters from file headers; undefined where only loading tells them."""
    if plan.served is not None:
        return Undefined("what a server runs cannot be counted")
    if plan.gguf is not None:
        return _counts_of_gguf(plan.gguf)
    if any(path.suffix != ".safetensors" for path in plan.weight_files) or not plan.weight_files:
        return Undefined("the weights are no safetensors; they are counted once loaded")
    if method_of(plan.config) is not None:
        return Undefined("packed weights are counted once loaded")
    if plan.base is not None and plan.base.kind == "gguf":
        return Undefined("a GGUF file names its tensors otherwise; they are counted once loaded")
    if plan.base is not None and task_of_plan(plan) != task_of_config(plan.base.config):
        return Undefined("the base is loaded with another head; it is counted once loaded")
    if plan.base is None:
        sizes = _sizes_of_full_model(plan)
        return ParameterCounts(sum(sizes.values()), sum(sizes.values()), _non_embedding(sizes))
    return _counts_of_adapter(plan, plan.base)


def _counts_of_gguf(header: GgufHeader) -> ParameterCounts:
    """Weights of all tensors, however they are packed; an output that is tied has no tensor."""
    sizes = {
        name: tensor.elements
        for name, tensor in header.tensors.items()
        if not name.startswith(GGUF_NO_PARAMETERS)
    }
    total = sum(sizes.values())
    embeddings = sum(count for name, count in sizes.items() if name in GGUF_EMBEDDINGS)
    return ParameterCounts(total, total, total - embeddings)


def _counts_of_adapter(plan: ModelPlan, base: ModelPlan) -> ParameterCounts | Undefined:
    """Base and adapter; a tensor saved under the base's own name replaces and does not add."""
    base_counts = counts_of_plan(base)
    if isinstance(base_counts, Undefined):
        return base_counts
    base_sizes = _sizes_of_full_model(base)
    saved_modules = tuple(plan.config.get("modules_to_save") or ())
    added: dict[str, int] = {}
    trainable = 0
    for inner, tensor in adapter_tensors(plan).items():
        if inner.endswith(NO_ADAPTER_PARAMETERS) or _is_tied_copy(inner, base_sizes):
            continue
        # PEFT copies each module whose name ends so: DistilBERT's pre_classifier too.
        is_copy = any(f"{module}." in inner for module in saved_modules)
        replaced = base_sizes.get(inner.replace(".base_layer.", "."))
        if is_copy or replaced is None:
            trainable += tensor.elements
        # A head of more labels than its base's is larger by so much.
        added[inner] = tensor.elements - (replaced or 0)
    return ParameterCounts(
        base_counts.total + sum(added.values()),
        trainable,
        base_counts.non_embedding
        + sum(count for inner, count in added.items() if not _is_on_embedding(inner)),
    )


def _is_tied_copy(inner: str, base_sizes: Mapping[str, int]) -> bool:
    """PEFT saves trained rows of a tied embedding for the output too, which has none of its own."""
    layer, mark, _ = inner.partition(".trainable_tokens_delta")
    return (
        bool(mark)
        and f"{layer}.weight".endswith(OUTPUT_EMBEDDINGS)
        and (f"{layer}.weight" not in base_sizes)
    )


def _is_on_embedding(inner: str) -> bool:
    """Whether an adapter's tensor belongs to an embedding, or stands in its place."""
    parts = inner.split(".")
    layers = (".".join(parts[:count]) for count in range(1, len(parts)))
    return any(_is_embedding(f"{layer}.weight") for layer in layers) or _is_embedding(inner)


def _sizes_of_full_model(plan: ModelPlan) -> dict[str, int]:
    """Elements of every distinct parameter, by name."""
    tensors = {
        name: PlacedTensor(path, tensor)
        for path in plan.weight_files
        for name, tensor in read_safetensors_header(path).items()
    }
    left_out = copies_of_embeddings(tensors, plan.config)
    no_parameters: tuple[str, ...] = NO_PARAMETERS
    if plan.config.get("model_type") in COMPUTED_POSITIONS:
        no_parameters = (*no_parameters, "embed_positions.weight")
    return {
        name: tensor.header.elements
        for name, tensor in tensors.items()
        if not name.endswith(no_parameters) and name not in left_out
    }


def _non_embedding(sizes: Mapping[str, int]) -> int:
    return sum(count for name, count in sizes.items() if not _is_embedding(name))


def _is_embedding(name: str) -> bool:
    return is_input_embedding(name) or name.endswith(OUTPUT_EMBEDDINGS)


def _headers(plan: ModelPlan) -> dict[str, TensorHeader]:
    tensors: dict[str, TensorHeader] = {}
    for path in plan.weight_files:
        tensors.update(read_safetensors_header(path))
    return tensors


def _dtype_of_plan(plan: ModelPlan) -> str | Undefined:
    """The format that most bytes of the weights are in (an adapter's base's weights)."""
    source = plan.base or plan
    if source.gguf is not None:
        return _most_bytes((each.kind, each.size_bytes) for each in source.gguf.tensors.values())
    if not source.weight_files or any(p.suffix != ".safetensors" for p in source.weight_files):
        return Undefined("the weights are no safetensors")
    return _most_bytes((tensor.dtype, tensor.size_bytes) for tensor in _headers(source).values())


def _most_bytes(formats: Iterable[tuple[str, int]]) -> str | Undefined:
    size_bytes: Counter[str] = Counter()
    for name, size in formats:
        size_bytes[name] += size
    if not size_bytes:
        return Undefined("the checkpoint holds no tensors")
    most = size_bytes.most_common(1)[0][0]
    return DTYPE_NAMES.get(most, most)
