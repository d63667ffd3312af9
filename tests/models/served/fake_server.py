"""An OpenAI-compatible server on loopback with a model of words, and faults on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "words"
KEY = "sk-a-secret-that-nobody-may-see"


def words(text: str) -> list[str]:
    """The fake's tokens: a word with the space before it, or a line feed."""
    return re.findall(r" ?[^ \n]+|\n| ", text)


def log_prob(word: str) -> float:
    """Of any word anywhere: the longer, the less likely."""
    return -0.25 * len(word)


@dataclass
class Behaviour:
    """What the server does, changed by a test before or while it runs.

    Attributes:
        status: answered instead of anything else; None: 200.
        failures: so many requests get ``status``, the others are served; None: all.
        html: the body is a page.
        names: its models.
        echoes: it knows ``echo`` with log-probabilities.
        begins: text of a token put before every prompt; None: none.
        shift: log-probabilities stand so many places too early.
        hides_begin: a text before the prompt that is left out of what is echoed; None: none.
        forgets_first: as llama-cpp-python where no token begins each text: values stand one place
            early, and the written token is left out.
        cut_after: a stream is closed after so many pieces.
        stops_after: a text ends by itself after so many tokens, unless it may not.
        knows_ignore_eos, refuses_unknown: of ``ignore_eos``.
        joins: so many tokens in a piece of a stream.
        counts_in_streams, counts: it tells its usage.
        wait_s: before each answer.
        asked: every request's path and body.
        under_way, most_under_way: how many requests at a time.
    """

    status: int | None = None
    failures: int | None = None
    html: bool = False
    names: tuple[str, ...] = (MODEL,)
    echoes: bool = True
    begins: str | None = None
    shift: int = 0
    hides_begin: str | None = None
    forgets_first: bool = False
    cut_after: int | None = None
    stops_after: int | None = None
    knows_ignore_eos: bool = True
    refuses_unknown: bool = False
    joins: int = 1
    counts_in_streams: bool = True
    counts: bool = True
    wait_s: float = 0.0
    key: str | None = None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def completions(self) -> list[dict[str, Any]]:
        """The bodies sent to /v1/completions."""
        return [body for path, body in self.asked if path == "/v1/completions"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self._answer(json.loads(self.rfile.read(length)))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""

    def _answer(self, body: dict[str, Any]) -> None:
        does = self.behaviour
        with does.lock:
            does.asked.append((self.path, body))
            does.under_way += 1
            does.most_under_way = max(does.most_under_way, does.under_way)
            fails = does.status is not None and does.failures != 0
            if fails and does.failures is not None:
                does.failures -= 1
        try:
            time.sleep(does.wait_s)
            self._serve(body, fails)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up
        finally:
            with does.lock:
                does.under_way -= 1

    def _serve(self, body: dict[str, Any], fails: bool) -> None:
        does = self.behaviour
        if does.key is not None and self.headers.get("authorization") != f"Bearer {does.key}":
            given = self.headers.get("authorization", "")
            self._send(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
        elif fails:
            assert does.status is not None
            self._send(does.status, {"error": {"message": "out of order"}})
        elif does.html:
            self._send_text(200, "<html><body>Welcome to the proxy</body></html>", "text/html")
        elif self.path == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": name} for name in does.names]})
        elif self.path == "/v1/chat/completions":
            self._chat(body)
        elif self.path != "/v1/completions":
            self._send(404, {"error": {"message": "no such path"}})
        elif does.refuses_unknown and "ignore_eos" in body:
            self._send(400, {"error": {"message": "Unrecognized request argument: ignore_eos"}})
        elif body.get("stream"):
            self._stream(body)
        elif body.get("echo") and not does.echoes:
            self._send(400, {"error": {"message": "echo is not supported"}})
        else:
            self._send(200, self._completion(body))

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        does, prompt = self.behaviour, body["prompt"]
        prompt = prompt.removeprefix(does.hides_begin or "")
        read = ([does.begins] if does.begins else []) + words(prompt)
        written = [" so"] * body["max_tokens"]
        tokens = read + written
        values: list[float | None] = [None, *map(log_prob, tokens[1:])]
        shifted = values[does.shift :] + [-9.0] * does.shift
        starts, at = [], 0
        for token in tokens:
            starts.append(at)
            at += len(token)
        best = [{" so": log_prob(" so")} for _ in tokens]
        if does.forgets_first:
            tokens, shifted, starts, best = read, values[1:], starts[:-1], best[:-1]
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length", "text": "".join(tokens)}
        if body.get("echo") and body.get("logprobs") is not None:
            choice["logprobs"] = {
                "tokens": tokens,
                "token_logprobs": shifted,
                "text_offset": starts,
                "top_logprobs": best,
            }
        return self._completed(choice, len(read), len(written))

    def _completed(self, choice: dict[str, Any], read: int, written: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"id": "1", "object": "text_completion", "choices": [choice]}
        if self.behaviour.counts:
            answer["usage"] = {"prompt_tokens": read, "completion_tokens": written}
        return answer

    def _chat(self, body: dict[str, Any]) -> None:
        content = body["messages"][-1]["content"]
        text = f"The correct answer is (B).\nYou asked: {content}"
        cut = words(text)[: body["max_tokens"]]
        choice = {
            "index": 0,
            "finish_reason": "stop" if len(cut) == len(words(text)) else "length",
            "message": {"role": "assistant", "content": "".join(cut)},
        }
        self._send(200, self._completed(choice, len(words(content)), len(cut)))

    def _stream(self, body: dict[str, Any]) -> None:
        does = self.behaviour
        wanted, ends = body["max_tokens"], "length"
        forced = does.knows_ignore_eos and body.get("ignore_eos")
        if does.stops_after is not None and not forced and does.stops_after < wanted:
            wanted, ends = does.stops_after, "stop"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        pieces = [min(does.joins, wanted - at) for at in range(0, wanted, does.joins)]
        for number, tokens in enumerate(pieces):
            if number == does.cut_after:
                return
            self._piece({"index": 0, "text": " so" * tokens, "finish_reason": None})
        self._piece({"index": 0, "text": "", "finish_reason": ends})
        if does.counts and does.counts_in_streams:
            usage = {"prompt_tokens": len(words(body["prompt"])), "completion_tokens": wanted}
            self._event({"id": "1", "object": "text_completion", "choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _piece(self, choice: dict[str, Any]) -> None:
        self._event({"id": "1", "object": "text_completion", "choices": [choice]})

    def _event(self, content: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(content)}\n\n".encode())
        self.wfile.flush()

    def _send(self, status: int, content: dict[str, Any]) -> None:
        self._send_text(status, json.dumps(content), "application/json")

    def _send_text(self, status: int, text: str, kind: str) -> None:
        raw = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Run the server; gives ``http://127.0.0.1:PORT/v1``."""
    handler = type("Handler", (Handler,), {"behaviour": behaviour})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
