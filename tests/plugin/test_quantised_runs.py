"""Quantised models in a run: what is refused before it, and what is said of what is unpacked."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from distill_fixtures.config import build_config
from distill_fixtures.errors import ModelReferenceError
from distill_fixtures.plugin import preparation
from distill_fixtures.plugin.preparation import prepare_inputs
from tests.models.test_quantised import install, quantise
from tests.plugin.tiny_inputs import Tiny
from tests.plugin.workspace import QuickStarter, Workspace
from tests.quantised_models import QUANTISED, save_fp8, save_quantised
from tests.report.made_up_run import ROOT
from tests.tiny_models import save_llama


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_model_for_a_gpu_is_refused_on_a_cpu(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = quantise(save_llama(tmp_path / "m"), {"quant_method": "eetq"})
    install(monkeypatch, True)
    monkeypatch.setattr(preparation, "may_have_gpu", lambda: False)
    given = {"student": str(student), "device": device, "metrics_dir": str(tmp_path / "metrics")}
    config = build_config({name: (value, tmp_path) for name, value in given.items()})
    with pytest.raises(ModelReferenceError, match="quantised with eetq, which needs a GPU"):
        prepare_inputs(config, ROOT)


def test_what_is_unpacked_is_said(tiny: Tiny, tmp_path: Path, heavy_starter: QuickStarter) -> None:
    workspace = Workspace(tmp_path / "clone", heavy_starter)
    student = save_fp8(tmp_path / "fp8")
    outcome = workspace.quick(*tiny.options(student_model=student), "-m", "size")
    assert outcome.returncode == 0, outcome.output
    assert "the student is quantised with fp8, which is unpacked on cpu" in outcome.output
    size = workspace.document()["student"]["size"]
    assert size["parameters_total"] == size["parameters_trainable"] > 30_000
    assert size["bits_per_parameter"] < 32


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None,
    reason="bitsandbytes is not installed (extra: quantised)",
)
def test_a_quantised_student_is_measured_as_any_other(
    tiny: Tiny, tmp_path: Path, workspace: Workspace
) -> None:
    student = save_quantised(tmp_path / "nf4", QUANTISED["nf4"]())
    outcome = workspace.run(*tiny.options(student_model=student, distill_limit=8), "benchmarks")
    assert outcome.returncode in (0, 1), outcome.output
    assert " ERROR" not in outcome.output
    document = workspace.document()
    assert document["student"]["memory"]["model_memory_bytes"] is not None
    assert document["student"]["benchmark"]["inference_time_s"] > 0
    assert document["student"]["accuracy"]["accuracy"] is not None
    assert document["distillation"]["number_format_differs"] is True
    assert document["student"]["size"]["bits_per_parameter"] < 32
