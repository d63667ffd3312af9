"""What a model reference leads to: the files that will be read, before any of them is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from distill_fixtures.models.gguf_header import GgufHeader
from distill_fixtures.models.served.address import ServedAddress

__all__ = ["ModelPlan", "PlanKind"]

PlanKind = Literal["full", "adapter", "gguf", "hub", "served"]


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """A checked way from a reference to a model.

    Attributes:
        reference: as the user gave it.
        kind: ``full`` (weights of a whole model), ``adapter`` (a PEFT adapter over ``base``),
            ``gguf`` (one file), ``hub`` (known to exist on the Hub, still to be downloaded:
            everything about files is empty until then) or ``served`` (no files here).
        folder: where the files lie, absolute (for ``hub`` and ``served``: an empty path).
        weight_files: the weights that the loader reads, never a duplicate in another format.
        other_files: configuration and tokenizer.
        tokenizer_files: the tokenizer among them; empty where there is no vocabulary.
        config: the content of config.json or adapter_config.json; of a GGUF file what it says in
            their place, of a served model its card.
        base: the model that an adapter sits on.
        hub_id: ``ORG/NAME`` for a model of the Hub.
        revision: branch, tag or commit asked for on the Hub.
        trust_remote_code: the model's own Python code may run.
        served: where a served model is.
        gguf: the header of a GGUF file.
    """

    reference: str
    kind: PlanKind
    folder: Path
    weight_files: tuple[Path, ...] = ()
    other_files: tuple[Path, ...] = ()
    tokenizer_files: tuple[Path, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    base: ModelPlan | None = None
    hub_id: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    served: ServedAddress | None = None
    gguf: GgufHeader | None = field(default=None, repr=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read, an adapter's base included, each once.

        An adapter's own tokenizer takes the place of its base's.
        """
        own = self.weight_files + self.other_files
        if self.base is None:
            return own
        replaced = self.base.tokenizer_files if self.tokenizer_files else ()
        of_base = tuple(path for path in self.base.files if path not in replaced)
        return tuple(dict.fromkeys(own + of_base))

    @property
    def location(self) -> str:
        """A reference to the same files that means the same in whatever folder it is read."""
        if self.kind in ("hub", "served"):
            return self.reference
        return str(self.weight_files[0] if self.kind == "gguf" else self.folder)

    def anchored(self) -> ModelPlan:
        """The same plan with absolute paths: it outlives a change of the working folder."""
        if self.kind in ("hub", "served"):
            return self
        return replace(
            self,
            folder=self.folder.absolute(),
            weight_files=tuple(path.absolute() for path in self.weight_files),
            other_files=tuple(path.absolute() for path in self.other_files),
            tokenizer_files=tuple(path.absolute() for path in self.tokenizer_files),
            base=None if self.base is None else self.base.anchored(),
        )

    @property
    def disk_bytes(self) -> int:
        """What must be shipped to run the model, an adapter's base included."""
        return sum(path.stat().st_size for path in self.files)

    @property
    def weights_bytes(self) -> int:
        """Bytes of the weights files, an adapter's base included."""
        own = sum(path.stat().st_size for path in self.weight_files)
        return own if self.base is None else own + self.base.weights_bytes

    @property
    def adapter_bytes(self) -> int:
        """The adapter's own share of ``disk_bytes``; 0 for a model that is no adapter."""
        if self.kind != "adapter":
            return 0
        return sum(path.stat().st_size for path in self.weight_files + self.other_files)
