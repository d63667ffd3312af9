"""What listens at an address and is no Ray is told apart within seconds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from distill_fixtures.scale import head_address
from distill_fixtures.scale.head_address import refuse_what_is_no_ray

# The settings frame of a gRPC server: three settings of six bytes.
SETTINGS = bytes((0, 0, 18, 4, 0, 0, 0, 0, 0)) + bytes(18)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server for one connection; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)
        assert not thread.is_alive()


def test_one_that_speaks_grpc() -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(100))
        connection.sendall(SETTINGS)

    with listening(serve) as address:
        refuse_what_is_no_ray(address)
    assert heard[0].startswith(b"PRI * HTTP/2.0")


def test_one_that_answers_byte_by_byte() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in SETTINGS[:9]:
            connection.sendall(bytes((byte,)))

    with listening(serve) as address:
        refuse_what_is_no_ray(address)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"-ERR\r\n", b""],
)
def test_one_that_speaks_something_else(answer: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(answer)

    with listening(serve) as address, pytest.raises(OSError, match="is no Ray") as caught:
        refuse_what_is_no_ray(address)
    assert repr(answer[:9]) in str(caught.value)


def test_one_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_address, "KNOCK_S", 0.2)
    over = threading.Event()
    with listening(lambda connection: assert_waited(over)) as address:
        with pytest.raises(TimeoutError):
            refuse_what_is_no_ray(address)
        over.set()


def assert_waited(over: threading.Event) -> None:
    assert over.wait(30)


@pytest.mark.parametrize("address", ["", "auto", "local", "a-name-without-port", "host:port"])
def test_what_is_rays_to_look_up(address: str) -> None:
    refuse_what_is_no_ray(address)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_nobody_there(scheme: str) -> None:
    with pytest.raises(ConnectionRefusedError):
        refuse_what_is_no_ray(f"{scheme}127.0.0.1:1")


def test_the_first_words_with_tls_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with listening(lambda connection: connection.sendall(b"nothing that we read")) as address:
        refuse_what_is_no_ray(address)
