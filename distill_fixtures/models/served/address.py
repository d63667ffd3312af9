"""``openai+http://HOST:PORT/v1?model=NAME``: where a served model is, and how it is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.tasks.input_file import nearest

__all__ = ["ServedAddress", "is_served", "parse_address"]

SHAPE = "openai+http://HOST:PORT/v1?model=NAME (openai+https:// too)"
SCHEME = re.compile(r"openai\+https?://", re.IGNORECASE)
PARAMETERS = ("model", "card", "requests", "timeout_s", "begin", "listed")
DEFAULT_REQUESTS = 8
DEFAULT_TIMEOUT_S = 120.0
MOST_REQUESTS = 256
MOST_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class ServedAddress:
    """Where a served model is.

    Attributes:
        base_url: of the API, as its clients want it: ``http://HOST:PORT/v1``.
        model: the name that the server knows it by.
        card: a JSON file that says what no server does (its size on disk, say); None: none.
        requests: most requests at a time, where they are not timed.
        timeout_s: longest wait for an answer, or for the next piece of a stream.
        begin: the text of the token that begins the model's texts, put before each prompt that has
            no chat template; for servers that do not put it there themselves.
        listed: the server's list of models names all that it can run.
    """

    base_url: str
    model: str
    card: Path | None = None
    requests: int = DEFAULT_REQUESTS
    timeout_s: float = DEFAULT_TIMEOUT_S
    begin: str = ""
    listed: bool = True

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.model} at {self.base_url}"


def is_served(reference: str) -> bool:
    """Whether a reference means a model behind a server.

    >>> is_served("openai+http://127.0.0.1:8000/v1?model=m"), is_served("org/name")
    (True, False)
    """
    return SCHEME.match(reference) is not None


def _without_secrets(reference: str) -> str:
    """A server's address without a name and password that someone may have put into it.

    >>> _without_secrets("openai+https://me:secret@host/v1?model=m")
    'openai+https://***@host/v1?model=m'
    """
    return re.sub(r"//[^/?#]*@", "//***@", reference)


def parse_address(reference: str) -> ServedAddress:
    """Read a reference.

    Raises:
        ModelReferenceError: it is no address, names no model, or has a parameter that is not known.
    """
    parts = urlsplit(reference)
    if "@" in parts.netloc:
        raise _unusable(
            reference,
            got="a name or password in the address, which would end up in results and logs",
            next_step="put the key into the environment variable OPENAI_API_KEY",
        )
    try:
        port = parts.port
    except ValueError as error:
        raise _unusable(reference, got=f"{error}") from error
    if not parts.hostname or port == 0:
        raise _unusable(reference, got="no host" if not parts.hostname else "port 0")
    if parts.fragment:
        raise _unusable(reference, got="a part after #")
    given = _parameters(reference, parts.query)
    if not given.get("model"):
        raise _unusable(reference, got="no model=NAME")
    scheme = parts.scheme.lower().removeprefix("openai+")
    return ServedAddress(
        base_url=f"{scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}",
        model=given["model"],
        card=Path(given["card"]).expanduser().absolute() if "card" in given else None,
        requests=_whole(reference, given),
        timeout_s=_seconds(reference, given),
        begin=given.get("begin", ""),
        listed=_is_listed(reference, given),
    )


def _parameters(reference: str, query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    found = dict(pairs)
    for name in found:
        if name not in PARAMETERS:
            near = nearest(name, PARAMETERS)
            raise _unusable(
                reference,
                # Whoever writes `key=...` here has written a secret: its value is not repeated.
                got=f"the parameter {name!r}",
                wanted=", ".join(PARAMETERS),
                next_step=f"did you mean {near}?"
                if near
                else "leave it out; a key belongs into the environment variable OPENAI_API_KEY",
            )
    if len(found) != len(pairs):
        raise _unusable(reference, got="a parameter that is given twice")
    return found


def _whole(reference: str, given: dict[str, str]) -> int:
    text = given.get("requests", str(DEFAULT_REQUESTS))
    if not (re.fullmatch("[0-9]{1,4}", text) and 1 <= int(text) <= MOST_REQUESTS):
        raise _unusable(
            reference,
            got=f"requests={text[:40]}",
            wanted=f"a whole number from 1 to {MOST_REQUESTS}: requests at a time",
        )
    return int(text)


def _seconds(reference: str, given: dict[str, str]) -> float:
    text = given.get("timeout_s", str(DEFAULT_TIMEOUT_S))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= MOST_TIMEOUT_S:
        raise _unusable(
            reference,
            got=f"timeout_s={text[:40]}",
            wanted=f"seconds, above 0 and up to {MOST_TIMEOUT_S:g}",
        )
    return seconds


def _is_listed(reference: str, given: dict[str, str]) -> bool:
    text = given.get("listed", "yes")
    if text not in ("yes", "no"):
        raise _unusable(reference, got=f"listed={text[:40]}", wanted="yes or no")
    return text == "yes"


def _unusable(
    reference: str,
    *,
    got: str,
    wanted: str = SHAPE,
    next_step: str = "write the reference in that shape, in quotation marks for the shell",
) -> ModelReferenceError:
    shown = _without_secrets(reference).partition("?")[0]
    return ModelReferenceError(
        f"the address {shown!r} of a served model cannot be used",
        got=got,
        wanted=wanted,
        next_step=next_step,
    )
