"""A served model through real HTTP, from a server that misbehaves on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from distill_fixtures.errors import DistillBenchError, MissingFigureError, ServerError
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.protocol import (
    Generated,
    GenerateRequest,
    GenerateSettings,
    Model,
    ScoreRequest,
)
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.card_file import card_of_served
from distill_fixtures.models.served.client import ServerClient
from distill_fixtures.models.served.served_model import FIRST_PAUSE_S, ServedModel
from distill_fixtures.records import Undefined
from tests.models.served.fake_server import KEY, MODEL, Behaviour, log_prob, serving

CONTEXT = "Question: why is the sky blue?\nAnswer:"
REQUEST = ScoreRequest("q1", CONTEXT, (" because", " it is not"))


class Served:
    """Servers of one test, ended with it."""

    def __init__(self) -> None:
        self.stack = ExitStack()

    def __call__(
        self, *, retries: int = 0, begin: str = "", **behaviour: Any
    ) -> tuple[ServedModel, Behaviour]:
        does = Behaviour(**behaviour)
        url = self.stack.enter_context(serving(does))
        address = ServedAddress(url, MODEL, requests=3, timeout_s=5.0, begin=begin)
        client = ServerClient(address, retries=retries)
        self.stack.callback(client.close)
        return ServedModel(address, card_of_served("r", address, {}), client=client), does


@pytest.fixture
def served() -> Iterator[Served]:
    found = Served()
    with found.stack:
        yield found


def failure(model: ServedModel, *, kind: type[DistillBenchError] = ServerError) -> str:
    """What scoring says where it fails."""
    with pytest.raises(kind) as caught:
        model.score_many([REQUEST])
    return str(caught.value)


def test_it_is_a_model(served: Served) -> None:
    model, _ = served()
    assert isinstance(model, Model)
    assert isinstance(model.tokenizer_digest, Undefined)
    assert isinstance(model.read_texts(["x"]), Undefined)


@pytest.mark.parametrize("begins", [None, "<s>"])
def test_scores_are_the_servers(served: Served, begins: str | None) -> None:
    model, does = served(begins=begins)
    (found,) = model.score_many([REQUEST])
    expected = [log_prob(" because"), log_prob(" it") + log_prob(" is") + log_prob(" not")]
    assert found.log_likelihoods == pytest.approx(expected)
    assert {body["temperature"] for body in does.completions} == {0.0}


@pytest.mark.parametrize("shown", [True, False])
def test_a_text_that_begins_each_prompt(served: Served, shown: bool) -> None:
    model, does = served(begin="<s> ", hides_begin=None if shown else "<s> ")
    (found,) = model.score_many([REQUEST])
    expected = [log_prob(" because"), log_prob(" it") + log_prob(" is") + log_prob(" not")]
    assert found.log_likelihoods == pytest.approx(expected)
    model.generate_timed(["a"], new_tokens=2, clock=SystemClock())
    assert all(body["prompt"].startswith("<s> ") for body in does.completions)


def test_values_beside_other_tokens_are_refused_with_the_way_out(served: Served) -> None:
    model, _ = served(forgets_first=True)
    said = failure(model)
    assert "stand beside other tokens" in said
    assert "&begin=TEXT" in said


def test_requests_are_bounded_and_in_order(served: Served) -> None:
    model, does = served(wait_s=0.02)
    requests = [ScoreRequest(f"q{n}", CONTEXT, (" x" * (n + 1),)) for n in range(12)]
    passes = list(model.score_in_passes(requests, known={0, 5}))
    assert [place for each in passes for place in each] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    for each in passes:
        for place, scored in each.items():
            assert scored.log_likelihoods == pytest.approx([log_prob(" x") * (place + 1)])
    assert 1 < does.most_under_way <= 3
    assert len(does.completions) == 10


def test_a_caller_who_stops_ends_the_rest(served: Served) -> None:
    model, does = served(wait_s=0.02)
    requests = [ScoreRequest(f"q{n}", CONTEXT, (" x",)) for n in range(100)]
    passes = model.score_in_passes(requests)
    next(iter(passes))
    passes.close()  # type: ignore[attr-defined]
    assert len(does.completions) < 20
    assert not [each for each in threading.enumerate() if "ThreadPool" in each.name]


def test_generation_goes_through_chat(served: Served) -> None:
    model, does = served()
    settings = GenerateSettings(64, stop_pattern=r"correct answer is \([A-Z]\)[^\n]*\n")
    (found,) = model.generate_in_passes([GenerateRequest("q", "Which?")], settings)
    assert found[0] == Generated("The correct answer is (B).\n")
    assert does.asked[-1][0] == "/v1/chat/completions"
    stopped = model.generate_text(["Which?"], max_new_tokens=64, stops=["\nYou"])
    assert stopped == (Generated("The correct answer is (B)."),)
    (cut,) = model.generate_text(["Which?"], max_new_tokens=2)
    assert cut == Generated("The correct", truncated=True)


def test_a_finished_line_needs_no_line_feed(served: Served) -> None:
    model, _ = served()
    settings = GenerateSettings(64, stop_pattern=r"You asked: [^\n]*\n")
    (found,) = model.generate_in_passes([GenerateRequest("q", "Which?")], settings)
    assert found[0].text.startswith("The correct answer is (B).\nYou asked: Which?")
    assert not found[0].truncated


@pytest.mark.parametrize("rows", [1, 4])
def test_times_are_as_many_as_tokens(served: Served, rows: int) -> None:
    model, does = served()
    trace = model.generate_timed(["one two three"] * rows, new_tokens=6, clock=SystemClock())
    assert (trace.batch_size, trace.prompt_tokens, trace.new_tokens) == (rows, 4 * rows, 6)
    assert trace.token_times_s[0] > 0
    assert list(trace.token_times_s) == sorted(trace.token_times_s)
    assert all(body["min_tokens"] == 6 and body["ignore_eos"] for body in does.completions)
    assert all(body["prompt"].endswith(" one two three") for body in does.completions)


def test_no_timed_prompt_begins_like_another(served: Served) -> None:
    """Rounds repeat their prompts; what a server has kept of one must not answer the next."""
    model, does = served()
    for _ in range(20):
        model.generate_timed(["one two three"], new_tokens=1, clock=SystemClock())
    assert len({body["prompt"].split()[0] for body in does.completions}) == 20


def test_a_text_goes_on_past_its_end_where_the_server_knows_how(served: Served) -> None:
    model, _ = served(stops_after=2)
    assert model.generate_timed(["a"], new_tokens=5, clock=SystemClock()).new_tokens == 5


def test_and_where_it_does_not_nothing_is_timed(served: Served) -> None:
    model, _ = served(stops_after=2, knows_ignore_eos=False)
    with pytest.raises(MissingFigureError, match="ends texts early") as caught:
        model.generate_timed(["a"], new_tokens=5, clock=SystemClock())
    assert "2 of 5 tokens (stop)" in str(caught.value)


def test_a_server_that_refuses_what_it_does_not_know(served: Served) -> None:
    model, does = served(refuses_unknown=True)
    for _ in range(2):
        model.generate_timed(["a"], new_tokens=3, clock=SystemClock())
    assert ["ignore_eos" in body for body in does.completions] == [True, False, False]


def test_several_tokens_in_a_piece_are_no_times(served: Served) -> None:
    model, _ = served(joins=2)
    with pytest.raises(MissingFigureError, match="other pieces than tokens"):
        model.generate_timed(["a"], new_tokens=5, clock=SystemClock())


def test_prompts_are_counted_apart_where_a_stream_does_not(served: Served) -> None:
    model, does = served(counts_in_streams=False)
    for _ in range(2):
        trace = model.generate_timed(["one two"], new_tokens=3, clock=SystemClock())
        assert trace.prompt_tokens == 3
    streamed, counted = (
        [body["prompt"] for body in does.completions if ("stream" in body) is streams]
        for streams in (True, False)
    )
    assert streamed == counted


def test_a_stream_that_is_cut_off(served: Served) -> None:
    model, _ = served(cut_after=3)
    with pytest.raises(ServerError, match="broke off") as caught:
        model.generate_timed(["a"], new_tokens=5, clock=SystemClock())
    assert "3 of 5 tokens" in caught.value.got


@pytest.mark.parametrize("begins", [None, "<s>"])
def test_tokens_are_counted_without_the_first(served: Served, begins: str | None) -> None:
    model, _ = served(begins=begins)
    assert model.count_tokens("one two three") == 3


def test_a_server_that_does_not_count(served: Served) -> None:
    model, _ = served(counts=False)
    with pytest.raises(MissingFigureError, match="does not count tokens"):
        model.count_tokens("one two three")


def test_what_may_pass_is_asked_again(served: Served) -> None:
    for status in (429, 503):
        model, does = served(retries=2, status=status, failures=2)
        model.score_many([ScoreRequest("q", CONTEXT, (" x",))])
        assert len(does.completions) == 3


def test_no_time_holds_a_failed_try(served: Served) -> None:
    """A pause of half a second and more before the next try is none of the model's."""
    model, does = served(retries=2, status=503, failures=1)
    trace = model.generate_timed(["one two"] * 2, new_tokens=2, clock=SystemClock())
    assert trace.token_times_s[-1] < FIRST_PAUSE_S
    # Both once more: what is timed together begins together.
    assert len(does.completions) == 4


def test_timing_gives_up_at_last(served: Served) -> None:
    model, does = served(retries=1, status=503)
    with pytest.raises(ServerError, match="asked up to 2 times"):
        model.generate_timed(["one two"], new_tokens=2, clock=SystemClock())
    assert len(does.completions) == 2


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"status": 500}, ("fails again and again", "HTTP 500", "out of order")),
        ({"status": 429}, ("fails again and again", "HTTP 429", "requests=N")),
        ({"status": 403}, ("refuses the key", "OPENAI_API_KEY is not set")),
        ({"key": KEY}, ("refuses the key", "OPENAI_API_KEY is not set")),
        ({"status": 418}, ("refuses the request", "HTTP 418")),
        ({"html": True}, ("protocol's JSON", "Welcome to the proxy")),
        ({"echoes": False}, ("no log-probabilities", "--distill-scoring generate")),
        ({"shift": 1}, ("other tokens than their own", "--distill-scoring generate", "q1")),
    ],
)
def test_each_failure_says_what_to_do(
    served: Served, behaviour: dict[str, Any], said: tuple[str, ...]
) -> None:
    model, _ = served(**behaviour)
    message = failure(model)
    for words in said:
        assert words in message


def test_a_wrong_key_is_not_repeated(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine-and-wrong")
    model, _ = served(key=KEY)
    message = failure(model)
    assert "OPENAI_API_KEY is set" in message
    assert "sk-mine" not in message
    assert "***" in message


def test_the_right_key_is_sent(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model, _ = served(key=KEY)
    assert model.score_many([REQUEST])


def test_nobody_there() -> None:
    address = ServedAddress("http://127.0.0.1:9/v1", MODEL)
    model = ServedModel(
        address, card_of_served("r", address, {}), client=ServerClient(address, retries=0)
    )
    assert "cannot be reached" in failure(model)


def test_too_slow() -> None:
    with serving(Behaviour(wait_s=1.0)) as base_url:
        address = ServedAddress(base_url, MODEL, timeout_s=0.2)
        client = ServerClient(address, retries=0)
        message = failure(ServedModel(address, card_of_served("r", address, {}), client=client))
        client.close()
    assert "does not answer in time" in message
    assert "timeout_s" in message


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"names": ("other", "more")}, "other, more"),
        ({"html": True}, "protocol's JSON"),
        ({"status": 500}, "HTTP 500"),
        ({"status": 401}, "refuses the key"),
    ],
)
def test_a_check_finds_it_at_once(behaviour: dict[str, Any], said: str) -> None:
    with serving(Behaviour(**behaviour)) as base_url:
        client = ServerClient(ServedAddress(base_url, MODEL))
        with pytest.raises(ServerError) as caught:
            client.check()
        client.close()
    assert said in str(caught.value)


def test_a_server_without_a_list_of_models_passes_the_check() -> None:
    with serving(Behaviour(status=404)) as base_url:
        client = ServerClient(ServedAddress(base_url, MODEL))
        client.check()
        client.close()
