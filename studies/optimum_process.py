"""optimum-benchmark in a process of another environment, as the study that asks it sees it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from studies.generation_cases import Case, Times

__all__ = ["OptimumProcess", "older_checkpoint"]

SCRIPT = Path(__file__).with_name("optimum_side.py")
# Of the process's other stream, where it ends before it answers.
LAST_LINES = 15


class OptimumProcess:
    """Use it as a context manager.

    Args:
        python: the interpreter of an environment that has optimum-benchmark.
        folder: a model folder that transformers 5 has written.
        threads: CPU threads that torch shall use there.
    """

    def __init__(self, python: Path, folder: Path, threads: int) -> None:
        self._held = tempfile.TemporaryDirectory()
        held = Path(self._held.name)
        model = held / "model"
        older_checkpoint(folder, model)
        self._log = (held / "log.txt").open("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [python, "-I", SCRIPT, model, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads)},
        )
        self._said: dict[str, Any] | None = None

    @property
    def versions(self) -> dict[str, str]:
        """Packages of that environment."""
        return dict(self._greeting()["versions"])

    @property
    def threads(self) -> int:
        return int(self._greeting()["threads"])

    def times(self, case: Case) -> Times:
        """Time one generation; the first of a case loads and warms the model for it."""
        said = self._ask(_question_of(case))
        return Times(
            ttft_s=said["prefill_s"],
            tpot_s=said["decode_s"] / (case.new_tokens - 1),
            end_to_end_s=said["generate_s"],
        )

    def continuation(self, case: Case, prompt: Sequence[int]) -> list[int]:
        """The tokens that the model there writes after a prompt, greedily."""
        tokens = self._ask(_question_of(case) | {"prompt": list(prompt)})["tokens"]
        return [int(token) for token in tokens]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()  # it ends when nobody asks any more
        self._log.close()
        self._held.cleanup()

    def _greeting(self) -> dict[str, Any]:
        if self._said is None:
            self._said = self._answer()
        return self._said

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._greeting()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            last = "".join(self._log.readlines()[-LAST_LINES:])
            raise RuntimeError(
                f"optimum-benchmark's process ended with exit status {self._process.returncode} "
                f"before it answered. Its last lines:\n{last}"
            )
        said: dict[str, Any] = json.loads(line)
        return said


def older_checkpoint(folder: Path, into: Path) -> None:
    """The same weights with a configuration that transformers 4 reads as transformers 5 reads it.

    transformers 5 writes the rotary embedding's base among ``rope_parameters``. transformers 4
    looks for ``rope_theta``, finds none, and without a word runs another model than the one saved.
    """
    into.mkdir()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rope = dict(config.pop("rope_parameters", None) or {})
    if "rope_theta" in rope:
        config["rope_theta"] = rope.pop("rope_theta")
    if rope.get("rope_type", "default") != "default":
        config["rope_scaling"] = rope
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    (into / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for path in (*folder.glob("*.safetensors*"), *folder.glob("generation_config.json")):
        (into / path.name).symlink_to(path.resolve())


def _question_of(case: Case) -> dict[str, Any]:
    return {
        "batch_size": case.batch_size,
        "prompt_tokens": case.prompt_tokens,
        "new_tokens": case.new_tokens,
    }
