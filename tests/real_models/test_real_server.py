"""A real model behind real servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from statistics import correlation
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

from distill_fixtures.demo import questions_file
from distill_fixtures.errors import ServerError
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.loading import load_model, open_model
from distill_fixtures.models.protocol import GenerateRequest, GenerateSettings, Model, ScoreRequest
from distill_fixtures.models.references import resolve_reference
from distill_fixtures.records import Question, Undefined
from distill_fixtures.tasks.prompts import build_prompt
from distill_fixtures.tasks.readers import read_questions
from studies.real_model import gguf_file
from studies.study_questions import evenly
from tests.real_models.servers import (
    LLAMA_NAME,
    WINDOW,
    llama_server,
    transformers_server,
    why_no_llama,
    why_no_serve,
)

pytestmark = [pytest.mark.real_model, pytest.mark.every_kind]

# The model's texts begin with this token, and its server does not put it there.
BEGIN = "<|im_start|>"
# The server sorts its whole vocabulary for each token of each option: some seconds an option.
QUESTIONS = 3
# Both compute the same 4-bit weights, llama.cpp with activations in 8 bits.
LEAST_CORRELATION = 0.99


@pytest.fixture(scope="module")
def asked() -> list[ScoreRequest]:
    """Cloze requests of built-in questions."""
    found = read_questions(questions_file(), password="", limit=None, name="demo")
    return [_request(question) for question in evenly(found.questions, QUESTIONS)]


def _request(question: Question) -> ScoreRequest:
    prompt = build_prompt(question, "cloze")
    return ScoreRequest(question.id, prompt.context, prompt.continuations)


@pytest.fixture(scope="module")
def llama_url() -> Iterator[str]:
    if reason := why_no_llama():
        pytest.skip(reason)
    with llama_server(gguf_file()) as url:
        yield url


def served(url: str, more: str = "") -> Model:
    return open_model(resolve_reference(f"openai+{url}?model={LLAMA_NAME}{more}"))


@pytest.fixture(scope="module")
def llama(llama_url: str) -> Iterator[Model]:
    model = served(llama_url, f"&begin={BEGIN}")
    yield model
    model.close()


@pytest.fixture(scope="module")
def scores(llama: Model, asked: list[ScoreRequest]) -> list[tuple[float, ...]]:
    return [scored.log_likelihoods for scored in llama.score_many(asked)]


def in_process(asked: list[ScoreRequest]) -> list[list[float]]:
    """The same by llama.cpp in this process: each text evaluated as a whole."""
    from llama_cpp import Llama

    model = Llama(str(gguf_file()), n_ctx=WINDOW, logits_all=True, verbose=False)
    return [[_log_likelihood(model, each, text) for text in each.continuations] for each in asked]


def _log_likelihood(model: Any, request: ScoreRequest, continuation: str) -> float:
    text = BEGIN + request.context + continuation
    ids = model.tokenize(text.encode(), add_bos=False, special=True)
    model.reset()
    model.eval(ids)
    log_probs = log_softmax(np.array(model.scores[: len(ids)], dtype=np.float64), axis=-1)
    # The bytes of each token, the first one's name taken as it is written.
    pieces = [BEGIN.encode(), *(model.detokenize([token]) for token in ids[1:])]
    ends = list(accumulate(map(len, pieces)))
    border = len((BEGIN + request.context).encode())
    first = next(place for place, end in enumerate(ends) if end > border)
    return float(sum(log_probs[place - 1, ids[place]] for place in range(first, len(ids))))


def test_picks_are_those_of_llama_cpp_in_process(
    asked: list[ScoreRequest], scores: list[tuple[float, ...]]
) -> None:
    expected = in_process(asked)
    for request, found, wanted in zip(asked, scores, expected, strict=True):
        assert np.argmax(found) == np.argmax(wanted), request.key
        assert found == pytest.approx(wanted, abs=1e-2), request.key


def test_scores_follow_those_of_the_same_file_in_transformers(
    asked: list[ScoreRequest], scores: list[tuple[float, ...]]
) -> None:
    model = load_model(resolve_reference(str(gguf_file())))
    wanted = [scored.log_likelihoods for scored in model.score_many(asked)]
    model.close()
    flat = [[value for each in some for value in each] for some in (scores, wanted)]
    assert correlation(*flat) > LEAST_CORRELATION


def test_without_its_begin_of_text_the_values_are_refused(
    llama_url: str, asked: list[ScoreRequest]
) -> None:
    model = served(llama_url)
    with pytest.raises(ServerError, match="&begin=TEXT"):
        model.score_many(asked[:1])
    model.close()


def test_texts_and_times(llama: Model) -> None:
    request = GenerateRequest("q", "What is the capital of France?")
    (found,) = llama.generate_in_passes([request], GenerateSettings(24))
    assert "Paris" in found[0].text
    for rows in (1, 2):
        trace = llama.generate_timed(["Tell me of the sea."] * rows, new_tokens=4, clock=CLOCK)
        assert (trace.batch_size, trace.new_tokens) == (rows, 4)
        assert trace.prompt_tokens > 6 * rows
        assert 0 < trace.ttft_s < trace.end_to_end_s
    assert llama.count_tokens("one two three") == 3
    assert isinstance(llama.read_texts(["a"]), Undefined)


CLOCK = SystemClock()


def test_a_server_that_loads_what_it_is_asked_for(real_folder: Path) -> None:
    if reason := why_no_serve():
        pytest.skip(reason)
    with transformers_server() as url:
        reference = f"openai+{url}?model={real_folder}&listed=no"
        model = open_model(resolve_reference(reference))
        request = GenerateRequest("q", "What is the capital of France?")
        (found,) = model.generate_in_passes([request], GenerateSettings(24))
        assert "Paris" in found[0].text
        with pytest.raises(ServerError, match="log-prob"):
            model.score_many([ScoreRequest("q", "Question: Sky?\nAnswer:", (" blue", " red"))])
        model.close()
