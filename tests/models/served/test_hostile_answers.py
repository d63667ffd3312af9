"""Whatever a server answers ends in one message of this package, soon and in little memory."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from distill_fixtures.errors import DistillBenchError, MissingFigureError, ServerError
from distill_fixtures.measure.timing.clock import SystemClock
from distill_fixtures.models.protocol import ScoreRequest
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.card_file import card_of_served
from distill_fixtures.models.served.client import ServerClient
from distill_fixtures.models.served.served_model import ServedModel

REQUEST = ScoreRequest("q1", "Sky:", (" blue",))
JSON, EVENTS = "application/json", "text/event-stream"
DEEP = b'{"choices":' + b"[" * 200_000
Write = Callable[[bytes], object]


class Handler(BaseHTTPRequestHandler):
    """Answers everything alike. ``body`` is bytes, or a function that writes them."""

    protocol_version = "HTTP/1.1"
    status = 200
    content = JSON
    body: Any = b""
    more: dict[str, str]
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("authorization")))
        self.send_response(self.status)
        for name, value in {
            "content-type": self.content,
            "connection": "close",
            **self.more,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        body = type(self).__dict__["body"]
        with suppress(OSError):  # the client has had enough
            self.wfile.write(body) if isinstance(body, bytes) else body(self.wfile.write)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""


@contextmanager
def answering(body: object, **settings: Any) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server; gives its URL and what it was asked, with which key."""
    asked: list[tuple[str, str | None]] = []
    own = {"body": body, "asked": asked, "more": {}} | settings
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), own))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusal(
    ask: Callable[[ServedModel], object],
    body: object,
    kind: type[DistillBenchError] = ServerError,
    **settings: Any,
) -> str:
    """What asking such a server says."""
    with answering(body, **settings) as (url, _):
        address = ServedAddress(url, "m", timeout_s=2.0)
        client = ServerClient(address, retries=0)
        with pytest.raises(kind) as caught:
            ask(ServedModel(address, card_of_served("r", address, {}), client=client))
        client.close()
    return str(caught.value)


def score(model: ServedModel) -> object:
    return model.score_many([REQUEST])


def time_it(model: ServedModel) -> object:
    return model.generate_timed(["a"], new_tokens=2, clock=SystemClock())


def echoed(tokens: object, values: object, **more: object) -> bytes:
    probs = {"tokens": tokens, "token_logprobs": values, **more}
    usage = {"completion_tokens": 0}
    return json.dumps({"choices": [{"text": "x", "logprobs": probs}], "usage": usage}).encode()


PROMPT = ["Sky:", " blue"]
ECHOES = {
    "tokens that are a number": echoed(5, [1]),
    "tokens that are a text": echoed("Sky: blue", [-1.0] * 9),
    "values that are an object": echoed(PROMPT, {"a": 1}),
    "values that are a number": echoed(PROMPT, 7),
    "a number beyond all floats": echoed(PROMPT, [None, -(10**400)]),
    "no number": echoed(PROMPT, [None, float("nan")]),
    "minus infinity": echoed(PROMPT, [None, float("-inf")]),
    "true": echoed(PROMPT, [None, True]),
    "deep brackets": DEEP,
    "a list": b"[1]",
    "a number": b"5",
    "null": b"null",
    "no UTF-8": b"\xff\xfe{",
    "choices that are an object": b'{"choices":{"a":1}}',
    "choices of texts": b'{"choices":["x"]}',
    "log-probabilities in a list": b'{"choices":[{"logprobs":[1]}]}',
}


@pytest.mark.parametrize("name", ECHOES)
def test_scores(name: str) -> None:
    refusal(score, ECHOES[name], DistillBenchError)


def test_the_likeliest_beyond_all_floats() -> None:
    tops = [None, {"a": -(10**400)}]
    with answering(echoed(PROMPT, [None, -1.0], top_logprobs=tops)) as (url, _):
        address = ServedAddress(url, "m")
        client = ServerClient(address, retries=0)
        model = ServedModel(address, card_of_served("r", address, {}), client=client)
        (found,) = model.score_many([REQUEST])
        model.close()
    assert found.log_likelihoods == (-1.0,)


@pytest.mark.parametrize(
    "line", [b'{"choices":{"a":1}}', b"5", b"{", DEEP, b'{"choices":["a"]}', b'{"choices":[]}']
)
def test_streams(line: bytes) -> None:
    refusal(time_it, b"data: " + line + b"\n\n", content=EVENTS)


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices":[{}]}',
        b'{"choices":[{"message":"x"}]}',
        b'{"choices":[{"message":{"content":[1]}}]}',
        b'{"choices":[]}',
        DEEP,
    ],
)
def test_answers_to_a_user(body: bytes) -> None:
    refusal(lambda model: model.generate_text(["a"], max_new_tokens=4), body)


def forever(piece: bytes) -> Callable[[Write], None]:
    def write(write: Write) -> None:
        while True:
            write(piece)

    return write


def test_a_stream_without_end() -> None:
    piece = b'data: {"choices":[{"text":"so"}]}\n\n'
    with answering(forever(piece), content=EVENTS) as (url, _):
        address = ServedAddress(url, "m", timeout_s=2.0)
        client = ServerClient(address, retries=0)
        model = ServedModel(address, card_of_served("r", address, {}), client=client)
        with pytest.raises(MissingFigureError, match="other pieces than tokens"):
            time_it(model)
        client.close()


@pytest.mark.parametrize(("content", "ask"), [(JSON, score), (EVENTS, time_it)])
def test_an_answer_without_end(content: str, ask: Callable[[ServedModel], object]) -> None:
    with answering(forever(b": so" * 50_000), content=content) as (url, _):
        address = ServedAddress(url, "m", timeout_s=60.0)
        client = ServerClient(address, retries=0)
        model = ServedModel(address, card_of_served("r", address, {}), client=client)
        with pytest.raises(ServerError, match="more than 67 MB"):
            ask(model)
        client.close()


def test_an_answer_that_drips() -> None:
    def drip(write: Write) -> None:
        pause = threading.Event()
        while True:
            write(b" ")
            pause.wait(0.1)

    assert "and no end" in refusal(score, drip)


def test_a_packed_answer() -> None:
    packed = gzip.compress(b" " * 1_000_000)
    assert "packed with gzip" in refusal(score, packed, more={"content-encoding": "gzip"})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_sent_elsewhere(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    with answering(b'{"data":[{"id":"m"}]}') as (other, asked_there):
        more = {"location": other.replace("127.0.0.1", "localhost") + "/models"}
        with answering(b"", status=status, more=more) as (url, asked):
            client = ServerClient(ServedAddress(url, "m"))
            with pytest.raises(ServerError, match="sends requests elsewhere"):
                client.check()
            client.close()
    assert asked == [("/v1/models", "Bearer sk-mine")]
    assert asked_there == []


@pytest.mark.parametrize("body", [DEEP, b'{"data":5}', b'{"data":[1]}', b"null", b'{"data":"ab"}'])
def test_lists_of_models(body: bytes) -> None:
    with answering(body) as (url, _):
        client = ServerClient(ServedAddress(url, "m"))
        with pytest.raises(ServerError):
            client.check()
        client.close()
