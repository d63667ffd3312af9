"""Who owns the loaded models: each is loaded once and closed on purpose."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Collection
from types import TracebackType

from distill_fixtures.models.plan import ModelPlan
from distill_fixtures.models.protocol import Model

__all__ = ["Loader", "ModelRegistry", "give_back_memory"]

Loader = Callable[[ModelPlan], Model]


class ModelRegistry:
    """Loads a model on first demand and keeps it until it is closed.

    Only the registry holds a model for long; ``close`` empties the model itself, so that a
    reference left in a failed test's traceback keeps no weights alive.

    Args:
        loader: how a plan becomes a model.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._open: dict[ModelPlanKey, Model] = {}

    def get(self, plan: ModelPlan) -> Model:
        """The model, loaded now or before. Equal references over the same files are one model."""
        key = _key(plan)
        if key not in self._open:
            self._open[key] = self._loader(plan)
        return self._open[key]

    def close(self, plan: ModelPlan) -> None:
        """Free one model; one that was never loaded is none of its business."""
        model = self._open.pop(_key(plan), None)
        if model is not None:
            model.close()
            del model
            give_back_memory()

    def close_all(self, *, but: Collection[str] = ()) -> None:
        """Free every model, also when one of them fails to close.

        Args:
            but: references of models that stay.
        """
        failures: list[Exception] = []
        for key in reversed([key for key in self._open if key[0] not in but]):
            model = self._open.pop(key)
            try:
                model.close()
            except Exception as error:  # the other models are still to be closed
                failures.append(error)
            del model
        give_back_memory()
        if failures:
            raise failures[0]

    def __enter__(self) -> ModelRegistry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close_all()


ModelPlanKey = tuple[str, str, str]


def _key(plan: ModelPlan) -> ModelPlanKey:
    base = "" if plan.base is None else str(plan.base.folder)
    return plan.reference, str(plan.folder), base


def give_back_memory() -> None:
    """Return what torch's own structures hold in cycles, a GPU's cached blocks, and what the
    allocator of the C library has kept of freed memory."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc's alone
        trim(0)
