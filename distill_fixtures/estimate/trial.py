"""A short trial of a loaded model: some of the very passes that a run will make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from distill_fixtures.estimate.fit import PassTime, fit_passes
from distill_fixtures.models.protocol import (
    Clock,
    GenerateRequest,
    GenerateSettings,
    InProcessModel,
    ScoreRequest,
)
from distill_fixtures.models.text_writer import TEXT_BATCH

__all__ = ["WritingTime", "prove_way", "time_passes", "time_writing"]

MOST_PASSES = 8
SHORT_TOKENS, LONGER_TOKENS = 4, 24


def prove_way(model: InProcessModel, requests: Sequence[ScoreRequest]) -> None:
    """Let the model find its way of scoring, with the shortest of a pass's requests.

    The first passes are held against single rows, and touch memory for the first time: neither
    belongs into a time.
    """
    places = model.plan_scores(requests)[-1]
    shortest = sorted((requests[place] for place in places), key=_characters)
    model.score_many(shortest[: 1 + len(shortest) // 4])


def time_passes(
    model: InProcessModel,
    requests: Sequence[ScoreRequest],
    tokens_of: Callable[[Sequence[ScoreRequest]], float],
    clock: Clock,
    *,
    budget_s: float,
) -> PassTime:
    """Time passes of different length out of a block's plan.

    Args:
        requests: a block, planned as a run would plan it.
        tokens_of: what some of them come to in one pass.
        budget_s: no pass begins of which the ones before say that it would end later than this.
    """
    start = clock.now()
    tokens: list[float] = []
    seconds: list[float] = []
    for some in _to_be_timed(model, requests):
        size = tokens_of(some)
        if tokens:
            expected = fit_passes(tokens, seconds).seconds(1, size)
            if clock.now() - start + expected > budget_s:
                break
        before = clock.now()
        model.score_many(some)
        seconds.append(clock.now() - before)
        tokens.append(size)
    return fit_passes(tokens, seconds)


def _to_be_timed(
    model: InProcessModel, requests: Sequence[ScoreRequest]
) -> Iterator[list[ScoreRequest]]:
    """A part of a pass, then whole ones from all over the plan."""
    planned = model.plan_scores(requests)
    middle = [requests[place] for place in planned[len(planned) // 2]]
    yield sorted(middle, key=_characters)[: 1 + len(middle) // 4]
    count = min(MOST_PASSES, len(planned))
    # From the middle outwards, so that the first ones timed are the usual ones.
    spread = sorted(
        (index * len(planned) // count for index in range(count)),
        key=lambda place: abs(2 * place - len(planned)),
    )
    for place in spread:
        yield [requests[each] for each in planned[place]]


def _characters(request: ScoreRequest) -> int:
    return len(request.context) + sum(map(len, request.continuations))


@dataclass(frozen=True, slots=True)
class WritingTime:
    """What writing texts takes.

    Attributes:
        batch_s: of a batch of prompts until their first tokens.
        step_s: of each further token of the batch.
        new_tokens: that the longest text of a batch has; the limit where the trial's texts had not
            ended by its end.
        at_limit: ``new_tokens`` is that limit.
    """

    batch_s: float
    step_s: float
    new_tokens: float
    at_limit: bool

    def seconds(self, prompts: float) -> float:
        batches = -(-prompts // TEXT_BATCH)
        return batches * (self.batch_s + max(self.new_tokens - 1, 0) * self.step_s)


def time_writing(
    model: InProcessModel,
    requests: Sequence[GenerateRequest],
    settings: GenerateSettings,
    clock: Clock,
    *,
    room: int,
) -> WritingTime:
    """Write the beginnings of a batch of texts, short ones and longer ones.

    Args:
        requests: prompts, of which the middle ones are continued.
        room: tokens that the model has for an answer.
    """
    middle = max(0, len(requests) // 2 - TEXT_BATCH // 2)
    prompts = [each.prompt for each in requests[middle : middle + TEXT_BATCH]]
    limit = max(1, min(settings.max_new_tokens, room))
    short, longer = min(SHORT_TOKENS, limit), min(LONGER_TOKENS, limit)
    times = {}
    ended = False
    for new_tokens in (short, short, longer):
        before = clock.now()
        texts = model.generate_text(prompts, max_new_tokens=new_tokens, stops=settings.stops)
        times[new_tokens] = clock.now() - before
        ended = not any(text.truncated for text in texts)
    step = max(0.0, times[longer] - times[short]) / max(1, longer - short)
    return WritingTime(
        batch_s=max(0.0, times[short] - (short - 1) * step),
        step_s=step,
        new_tokens=longer if ended else limit,
        at_limit=not ended,
    )
