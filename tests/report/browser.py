"""A page in headless Chromium, driven by its DevTools protocol over a pair of pipes.

Not by ``--window-size``: no window is narrower than 500 pixels, and a phone is.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "Browser", "Visit", "browser"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
"""None where there is no browser."""

MOST_SECONDS = 120.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
)
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
"""Chromium takes commands on descriptor 3 and answers on 4."""


@dataclass
class Visit:
    """A page that was opened.

    Attributes:
        requests: addresses that it asked for, itself among them.
        complaints: what stood on its console, and what its policy refused.
    """

    browser: Browser
    session: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression on the page; a promise's, once it is kept."""
        answer = self.browser.ask(
            "Runtime.evaluate",
            self.session,
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.browser.ask("Page.captureScreenshot", self.session, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self.browser.ask("Target.detachFromTarget", sessionId=self.session)


class Browser:
    """A running Chromium.

    Args:
        commands, answers: descriptors of the pipes' ends on this side.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._asked = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str | None = None, /, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come meanwhile are kept."""
        self._asked += 1
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        while True:
            found = self._next()
            if found.get("id") == self._asked:
                assert "error" not in found, (method, found["error"])
                result: dict[str, Any] = found["result"]
                return result
            self._events.append(found)

    def open(self, path: Path, width: int, *, dark: bool = False, height: int = 844) -> Visit:
        """Open a file as a screen of this width shows it, and wait until it stands still."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        visit = Visit(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable", visit.session)
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            visit.session,
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", visit.session, features=[scheme])
        self.ask("Page.navigate", visit.session, url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())
        # Whatever the page starts of itself has begun when two frames have been drawn.
        visit.evaluate("new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")
        self._tell(visit)
        return visit

    def _tell(self, visit: Visit) -> None:
        """What happened since the last page was opened."""
        for event in self._events:
            params = event.get("params", {})
            match event.get("method"):
                case "Network.requestWillBeSent":
                    visit.requests.append(params["request"]["url"])
                case "Runtime.consoleAPICalled":
                    visit.complaints.append(str(params["args"]))
                case "Runtime.exceptionThrown":
                    visit.complaints.append(str(params["exceptionDetails"]))
                case "Log.entryAdded":
                    visit.complaints.append(params["entry"]["text"])
        self._events.clear()

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + MOST_SECONDS
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._answers], [], [], max(0.0, left))
            assert ready, f"no answer in {MOST_SECONDS:g} seconds"
            some = os.read(self._answers, 1 << 20)
            assert some, "the browser has ended"
            self._rest += some
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium, and end it.

    Args:
        profile: an empty folder for what it writes.
    """
    assert CHROMIUM is not None
    pipes = [*os.pipe(), *os.pipe()]
    # None of them may be 3 or 4, which are filled one after the other.
    theirs, commands, answers, told = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in pipes)
    for end in pipes:
        os.close(end)
    words = [sys.executable, "-c", LAUNCH, str(theirs), str(told)]
    words += [CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        words,
        pass_fds=(theirs, told),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs)
    os.close(told)
    try:
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        os.killpg(process.pid, signal.SIGKILL)  # its children too, which write to the profile
        process.wait()
