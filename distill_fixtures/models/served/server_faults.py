"""What each failure of a server means for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distill_fixtures.errors import ServerError
from distill_fixtures.models.served.address import ServedAddress
from distill_fixtures.models.served.echo import EchoError

__all__ = ["KEY_VARIABLE", "PassingFaultError", "ServerFaults"]

KEY_VARIABLE = "OPENAI_API_KEY"
MOST_SHOWN = 300


class PassingFaultError(ServerError):
    """It may do the next time: the server is busy, fails, or the connection broke."""


class ServerFaults:
    """Turns the errors of the package ``openai`` into this package's; no key in any of them.

    Args:
        address: of the server.
        key: that requests carry; empty: none.
        retries: of a request that may pass the next time.
    """

    def __init__(self, address: ServedAddress, key: str, retries: int) -> None:
        self._address = address
        self._key = key
        self._retries = retries

    @contextmanager
    def translated(self, *, echo: bool = False) -> Iterator[None]:
        """Around a request.

        Args:
            echo: it asks for a prompt's own log-probabilities.
        """
        import openai

        try:
            yield
        except openai.APITimeoutError as error:
            raise self._fault(
                "does not answer in time",
                got=f"nothing within {self._address.timeout_s:g} s, asked up to "
                f"{self._retries + 1} times",
                next_step="look at the server's log; &timeout_s=S waits longer",
                kind=PassingFaultError,
            ) from error
        except openai.APIConnectionError as error:
            raise self._fault(
                "cannot be reached",
                got=_first_line(error.__cause__ or error),
                next_step="start the server, or check host and port",
                kind=PassingFaultError,
            ) from error
        except openai.APIStatusError as error:
            raise self._of_status(error, echo=echo) from error
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            if isinstance(error, EchoError):
                raise
            raise self._fault(
                "broke off its answer, or answers something else than the protocol's JSON",
                got=f"{type(error).__name__}: {_first_line(error)}",
                next_step="look at the server's log, and at what lies between (a proxy?)",
            ) from error

    def _of_status(self, error: Any, *, echo: bool) -> ServerError:
        said = f"HTTP {error.status_code}: {_first_line(error)}"
        if error.status_code in (401, 403):
            has_key = f"{KEY_VARIABLE} is set" if self._key else f"{KEY_VARIABLE} is not set"
            return self._fault(
                "refuses the key",
                got=f"{said} ({has_key})",
                next_step=f"export {KEY_VARIABLE}=... with a key of this server",
            )
        if echo and error.status_code in (400, 404, 422, 501):
            return self._fault(
                "gives no log-probabilities of a prompt",
                got=said,
                wanted="/v1/completions with echo and logprobs, which cloze and letter scoring use",
                next_step="use --distill-scoring generate, which needs text alone",
            )
        if error.status_code == 429 or error.status_code >= 500:
            return self._fault(
                "fails again and again",
                got=f"{said} (asked up to {self._retries + 1} times)",
                next_step="look at the server's log; &requests=N sends fewer at a time",
                kind=PassingFaultError,
            )
        if 300 <= error.status_code < 400:
            return self._fault(
                "sends requests elsewhere",
                got=f"HTTP {error.status_code} to {error.response.headers.get('location')!r}",
                wanted="an answer from the host that the reference names",
                next_step="give the address that it leads to, if you trust it",
            )
        return self._fault(
            "refuses the request", got=said, next_step="see what this server supports"
        )

    def nonsense(self, got: str) -> ServerError:
        return self._fault(
            "answers something else than the protocol's JSON",
            got=got,
            next_step="check that the address ends in /v1 and leads to the server itself",
        )

    def without_key(self, text: str) -> str:
        """A text of the server's, which may repeat what it was sent."""
        return text.replace(self._key, "***") if self._key else text

    def _fault(
        self,
        what: str,
        *,
        got: str,
        next_step: str,
        wanted: str = "an answer",
        kind: type[ServerError] = ServerError,
    ) -> ServerError:
        return kind(
            f"the server of {self._address.place} {what}",
            got=self.without_key(got)[:MOST_SHOWN],
            wanted=wanted,
            next_step=next_step,
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
