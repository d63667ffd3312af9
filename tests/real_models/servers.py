"""Real servers on loopback, started and stopped by tests."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["LLAMA_NAME", "llama_server", "transformers_server", "why_no_llama", "why_no_serve"]

LLAMA_NAME = "smollm2"
STARTS_WITHIN_S = 120.0
# Long enough for the built-in questions with any of their options.
WINDOW = 1024


def why_no_llama() -> str | None:
    """Why llama.cpp's server cannot be started here; None where it can."""
    if importlib.util.find_spec("llama_cpp") is None or importlib.util.find_spec("uvicorn") is None:
        return "llama.cpp's server is not installed: pip install 'llama-cpp-python[server]'"
    return None


def why_no_serve() -> str | None:
    """Why ``transformers serve`` cannot be started here; None where it can."""
    missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(missing)} (transformers[serving])" if missing else None


@contextmanager
def llama_server(file: Path) -> Iterator[str]:
    """llama.cpp's server with a GGUF file; gives ``http://127.0.0.1:PORT/v1``."""
    settings = {
        "model": file,
        "model_alias": LLAMA_NAME,
        "logits_all": "true",
        "interrupt_requests": "false",
        "n_ctx": WINDOW,
        "verbose": "false",
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    with _started([sys.executable, "-m", "llama_cpp.server", *words]) as url:
        yield url


@contextmanager
def transformers_server() -> Iterator[str]:
    """``transformers serve``, which loads the model that it is asked for."""
    program = Path(sys.executable).with_name("transformers")
    with _started([str(program), "serve", "--device", "cpu", "--dtype", "float32"]) as url:
        yield url


@contextmanager
def _started(command: Sequence[str]) -> Iterator[str]:
    port = _free_port()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}/v1"
            if not _answers(f"{url}/models", process):
                log.seek(0)
                raise AssertionError(f"{command[:3]} did not start:\n{log.read()[-3000:]}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the server answers; False where it ended or takes too long."""
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
