"""Log-probabilities of a classifier's labels for many texts: padded rows together, where that
changes nothing.

Whether a row keeps its figures beside longer ones is found out before any figure is given: the row
that would be padded most is scored beside the longest of its batch and alone. An architecture that
looks at the padding, or has no token to pad with, gets one row at a time.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from distill_fixtures.models.out_of_memory import (
    LackOfMemory,
    is_out_of_memory,
    too_large,
    unless_memory_runs_out,
)
from distill_fixtures.models.packing import batches_by_length
from distill_fixtures.models.peft_modules import plain_module
from distill_fixtures.models.scoring_way import REFUSALS, is_whole_precision, tolerance_nats
from distill_fixtures.records import Undefined

if TYPE_CHECKING:
    import torch

__all__ = ["LabelScorer", "Padding", "TextRow"]

logger = logging.getLogger(__name__)

TOGETHER, ALONE = "rows", "one by one"


@dataclass(frozen=True, slots=True)
class TextRow:
    """A text in tokens.

    Attributes:
        key: the question's, for messages.
        ids: token ids, special tokens included.
        types: the segment that each belongs to; None where the tokenizer tells none.
        truncated: the text was cut to fit.
    """

    key: str
    ids: tuple[int, ...]
    types: tuple[int, ...] | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Padding:
    """What stands behind shorter rows.

    Attributes:
        token: the model's own padding token, by which some find their last token or their
            positions; None: it has none.
        segment: the segment of padding.
    """

    token: int | None
    segment: int = 0


class LabelScorer:
    """Scores texts with one module.

    Args:
        module: a classifier in eval mode, perhaps with a PEFT adapter over it.
        reference: the model's, for messages.
        padding: what rows are filled up with.
        budget_tokens: tokens of a pass, padding included. Scores do not depend on it.
    """

    def __init__(self, module: Any, reference: str, padding: Padding, budget_tokens: int) -> None:
        self._module = module
        self._reference = reference
        self._padding = padding
        self._budget_tokens = budget_tokens
        self._takes = inspect.signature(plain_module(module).forward).parameters.keys()
        self._together = padding.token is not None
        self._proved_padding = -1
        self._has_scored = False

    @property
    def method(self) -> str | Undefined:
        """``rows`` or ``one by one``; undefined before anything was scored."""
        if not self._has_scored:
            return Undefined("nothing was scored")
        return TOGETHER if self._together else ALONE

    def passes(
        self, rows: Sequence[TextRow], known: Collection[int]
    ) -> Iterator[tuple[list[int], list[list[float]]]]:
        """Log-probabilities of all labels, nats, pass by pass: which rows, and their figures.

        Passes are planned from all rows, the known ones left out.

        Raises:
            MeasurementError: a single row does not fit into memory.
        """
        planned = deque(self.planned(rows))
        while planned:
            indices = [index for index in planned.popleft() if index not in known]
            some = [rows[index] for index in indices]
            cost = len(some) * max((len(row.ids) for row in some), default=0)
            if len(some) > 1 and (cost > self._budget_tokens or not self._together):
                # Memory has run out since the pass was planned.
                planned.extendleft(reversed(self._planned(rows, indices)))
            elif some:
                found = unless_memory_runs_out(
                    partial(self._log_probabilities, some), self._module.device
                )
                if not isinstance(found, LackOfMemory):
                    self._has_scored = True
                    yield indices, found
                elif len(some) == 1:
                    row = f"a single row of {cost} tokens: {found.message}"
                    raise too_large(some[0].key, self._reference, row)
                else:
                    self._budget_tokens = max(1, cost // 2)
                    planned.appendleft(indices)

    def planned(self, rows: Sequence[TextRow]) -> list[list[int]]:
        """Places of the rows by pass; finds out first whether they may stand together."""
        return self._planned(rows, range(len(rows)))

    def prove(self, rows: Sequence[TextRow]) -> None:
        """Find out whether rows like these may stand in one batch, where that is not known yet."""
        padding = _padding_of(rows)
        if not self._together or len(rows) < 2 or padding <= self._proved_padding:
            return
        self._together = self._keeps_figures(min(rows, key=_length), max(rows, key=_length))
        self._proved_padding = padding
        if not self._together:
            logger.info("%s: a row's figures depend on its company", self._reference)

    def logits(self, rows: Sequence[TextRow]) -> torch.Tensor:
        """Logits of the labels, ``[rows, labels]``: one batch, where rows may stand together."""
        import torch

        batches = [rows] if self._together else [[row] for row in rows]
        return torch.cat([self._logits(batch) for batch in batches])

    def _planned(self, rows: Sequence[TextRow], among: Sequence[int]) -> list[list[int]]:
        lengths = [len(rows[index].ids) for index in among]
        batches = [
            [among[place] for place in places]
            for places in batches_by_length(lengths, self._budget_tokens)
        ]
        of_rows = [[rows[index] for index in batch] for batch in batches if len(batch) > 1]
        if of_rows:
            self.prove(max(of_rows, key=_padding_of))
        return batches if self._together else [[index] for batch in batches for index in batch]

    def _keeps_figures(self, short: TextRow, long: TextRow) -> bool:
        """Whether a row's figures beside another are those that it has alone."""
        try:
            beside = unless_memory_runs_out(
                lambda: self._log_probabilities([short, long])[0], self._module.device
            )
        except REFUSALS as error:
            if is_out_of_memory(error):
                raise
            # How a foreign architecture refuses a batch is its own affair; alone it is served.
            return False
        if isinstance(beside, LackOfMemory):
            return False
        alone = self._log_probabilities([short])[0]
        tolerance = tolerance_nats(self._module)
        if not is_whole_precision(self._module):
            # Half precision rounds in proportion to the logits.
            tolerance *= max(1.0, max(alone) - min(alone))
        # Figures that are no numbers differ; whoever takes them alone refuses them by name.
        return all(abs(one - other) <= tolerance for one, other in zip(beside, alone, strict=True))

    def _log_probabilities(self, rows: Sequence[TextRow]) -> list[list[float]]:
        import torch

        found: list[list[float]] = torch.log_softmax(self._logits(rows), dim=-1).tolist()
        return found

    def _logits(self, rows: Sequence[TextRow]) -> torch.Tensor:
        """Of one batch, float32."""
        import torch

        longest = max(len(row.ids) for row in rows)
        shape, device = (len(rows), longest), self._module.device
        ids = torch.full(shape, self._padding.token or 0, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        types = torch.full(shape, self._padding.segment, dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row.ids)] = torch.tensor(row.ids)
            mask[place, : len(row.ids)] = 1
            if row.types is not None:
                types[place, : len(row.ids)] = torch.tensor(row.types)
        given: dict[str, Any] = {"input_ids": ids.to(device)}
        if "attention_mask" in self._takes:
            given["attention_mask"] = mask.to(device)
        if "token_type_ids" in self._takes and rows[0].types is not None:
            given["token_type_ids"] = types.to(device)
        if "use_cache" in self._takes:
            given["use_cache"] = False
        with torch.inference_mode():
            logits: torch.Tensor = self._module(**given).logits
        return logits.float()


def _length(row: TextRow) -> int:
    return len(row.ids)


def _padding_of(rows: Sequence[TextRow]) -> int:
    """Places behind the shortest row that are filled up."""
    lengths = [len(row.ids) for row in rows]
    return max(lengths) - min(lengths)
