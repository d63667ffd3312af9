"""Whether a cluster listens at an address, found out within seconds.

Ray itself tries for a quarter of an hour to join where nobody listens, or where somebody else does.
"""

from __future__ import annotations

import os
import socket

__all__ = ["refuse_what_is_no_ray"]

KNOCK_S = 10.0
# A frame's head: three bytes of length, its type, flags, and four bytes of a stream's number.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES, SETTINGS_FRAME = 9, 4
EMPTY_SETTINGS = bytes((0, 0, 0, SETTINGS_FRAME, 0, 0, 0, 0, 0))


def refuse_what_is_no_ray(address: str) -> None:
    """See that a gRPC server listens, as a cluster's head is one.

    Args:
        address: HOST:PORT; others (``auto``, a name without a port, none) are Ray's to look up.

    Raises:
        OSError: nobody listens, or somebody who speaks another protocol.
    """
    scheme, _, place = address.rpartition("://")
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal():
        return
    with socket.create_connection((host.strip("[]"), int(port)), KNOCK_S) as connection:
        # With TLS, and at the entrances that have a scheme, the first words may be others.
        if not scheme and not os.environ.get("RAY_USE_TLS", "").strip("0"):
            _greet(connection)


def _greet(connection: socket.socket) -> None:
    """Begin HTTP/2, which gRPC speaks: each side's first frame holds its settings (RFC 9113, 3.4).

    Raises:
        OSError: the other side answers in another way, or not.
    """
    connection.settimeout(KNOCK_S)
    connection.sendall(HTTP2_PREFACE + EMPTY_SETTINGS)
    with connection.makefile("rb") as file:
        answer = file.read(FRAME_HEAD_BYTES)
    if len(answer) < FRAME_HEAD_BYTES or answer[3] != SETTINGS_FRAME:
        raise ConnectionError(f"something listens there and is no Ray: it answers {answer!r}")
