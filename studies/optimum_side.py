"""optimum-benchmark's side of the comparison of times. Runs in an environment of its own.

    python -I studies/optimum_side.py MODEL_FOLDER THREADS

Started by :mod:`studies.optimum_process`, and imports nothing of this project: optimum-benchmark
0.6.0 wants a transformers older than the suite's. Speaks JSON, one object a line. Says first what
it runs with; then every line it reads on its standard input names a case, and every line it writes
is what optimum-benchmark's own trackers say of it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from typing import Any, TextIO

PACKAGES = ("optimum-benchmark", "torch", "transformers")
Case = tuple[int, int, int]


class LoadedBenchmark:
    """optimum-benchmark's PyTorch backend, and for each case a scenario that is loaded and warm."""

    def __init__(self, folder: str, threads: int) -> None:
        import torch
        from optimum_benchmark import PyTorchConfig
        from optimum_benchmark.backends.pytorch.backend import PyTorchBackend

        config = PyTorchConfig(
            model=folder,
            task="text-generation",
            library="transformers",
            device="cpu",
            torch_dtype="float32",
        )
        self._backend = PyTorchBackend(config)
        # Not by its configuration, which in 0.6.0 gives torch either count for the other.
        torch.set_num_threads(threads)
        self._scenarios: dict[Case, Any] = {}

    def times(self, case: Case) -> dict[str, float]:
        """Seconds of one generation, by optimum-benchmark's names for them.

        Args:
            case: rows, prompt tokens and new tokens of each row.
        """
        scenario = self._scenarios.get(case)
        if scenario is None:
            scenario = self._scenarios[case] = self._scenario(case)
        # One iteration at a time. Of several, its per-token latencies hold also the time between
        # one generation's last token and the next one's first.
        scenario.run_per_token_text_generation_latency_tracking()
        report = scenario.report
        return {
            "prefill_s": float(report.prefill.latency.mean),
            "decode_s": float(report.decode.latency.mean),
            "generate_s": float(report.generate.latency.mean),
            "per_token_s": float(report.per_token.latency.mean),
        }

    def continuation(self, prompt: list[int], new_tokens: int) -> list[int]:
        """The tokens that follow greedily, to see that both sides run one model."""
        import torch

        given = torch.tensor([prompt])
        inputs = {"input_ids": given, "attention_mask": torch.ones_like(given)}
        settings = {"max_new_tokens": new_tokens, "min_new_tokens": new_tokens, "do_sample": False}
        ids = self._backend.generate(inputs, settings)
        return [int(token) for token in ids[0, len(prompt) :]]

    def _scenario(self, case: Case) -> Any:
        """Run optimum-benchmark's scenario once: it loads the model, warms it and measures it."""
        from optimum_benchmark import InferenceConfig
        from optimum_benchmark.scenarios.inference.scenario import InferenceScenario

        batch_size, prompt_tokens, new_tokens = case
        config = InferenceConfig(
            iterations=1,
            duration=0,
            warmup_runs=1,
            input_shapes={"batch_size": batch_size, "sequence_length": prompt_tokens},
            new_tokens=new_tokens,
            latency=True,
            memory=False,
            energy=False,
        )
        scenario = InferenceScenario(config)
        scenario.run(self._backend)
        return scenario


def answer(questions: TextIO, answers: TextIO, folder: str, threads: int) -> None:
    import torch

    loaded = LoadedBenchmark(folder, threads)
    versions = {name: metadata.version(name) for name in PACKAGES}
    _say(answers, {"versions": versions, "threads": torch.get_num_threads()})
    for line in questions:
        asked = json.loads(line)
        case = (asked["batch_size"], asked["prompt_tokens"], asked["new_tokens"])
        if "prompt" in asked:
            _say(answers, {"tokens": loaded.continuation(asked["prompt"], asked["new_tokens"])})
        else:
            _say(answers, loaded.times(case))


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def main() -> None:
    # What libraries print goes to the other stream, so that answers stay JSON.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer(sys.stdin, answers, sys.argv[1], int(sys.argv[2]))


if __name__ == "__main__":
    main()
