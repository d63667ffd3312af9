"""The measuring process: real on a tiny model, and dying in several ways."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from distill_fixtures.errors import ModelReferenceError, NotFiniteScoreError, WorkerError
from distill_fixtures.measure.processes import isolated, page_cache, process_memory
from distill_fixtures.measure.processes.bare_model import ModelToLoad
from distill_fixtures.measure.processes.isolated import measure_isolated
from distill_fixtures.measure.processes.worker_report import WorkerRequest
from distill_fixtures.records import Undefined
from studies.peak_memory import measure_peaks, why_no_time
from tests.tiny_models import VOCABULARY, make_llama, make_tokenizer, save, save_llama


def test_request_survives_json() -> None:
    request = WorkerRequest(
        ModelToLoad("m", base_model="b"), ("a", "b"), batch_sizes=(1, 8), loads=2
    )
    assert WorkerRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 40 MB in float32, so that its memory stands out from a process's noise."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide")
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=512,
        intermediate_size=4096,
        num_hidden_layers=1,
        num_attention_heads=8,
        max_position_embeddings=128,
    )
    module = LlamaForCausalLM(config)
    module.model.layers[0].mlp.half()
    module.half().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_real_model(wide: Path) -> None:
    import torch
    from safetensors import safe_open

    with safe_open(wide / "model.safetensors", "pt") as file:
        parameters = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118
    report = measure_isolated(
        WorkerRequest(
            ModelToLoad(str(wide)), ("the quick brown fox",), batch_sizes=(1, 2), new_tokens=3
        )
    )
    weights_bytes = 4 * parameters
    assert 0.95 * weights_bytes < report.model_memory_bytes < 1.5 * weights_bytes
    assert report.runtime_memory_bytes > 50_000_000
    # Nobody else maps this model, so all of it is this process's own.
    for set_bytes in (report.model_pss_bytes, report.model_uss_bytes):
        assert isinstance(set_bytes, int)
        assert 0.95 * weights_bytes < set_bytes < 1.5 * weights_bytes
    assert isinstance(report.import_time_s, float)
    assert report.import_time_s > 0
    resident = report.runtime_memory_bytes + weights_bytes
    peaks = [report.load_peak_memory_bytes, report.peak_memory_bytes]
    for peak in peaks:
        assert isinstance(peak, int)
        assert 0.95 * resident < peak < 3 * resident
    # Samples of the phases that the peaks are of. (What later loads need beside other work is for
    # the study of peaks to say.)
    for name, peak in zip(("load", "inference"), peaks, strict=True):
        (phase,) = (each for each in report.phases if each.name == name)
        sampled = [size for at, size in report.curve if phase.start_s <= at <= phase.end_s]
        assert isinstance(peak, int)
        assert all(size <= peak for size in sampled)
    assert len(report.load_times_s) == 3
    assert all(0 < seconds < 60 for seconds in report.load_times_s)
    assert report.peak_method == "high-water mark"
    assert isinstance(report.load_time_cold_s, float | Undefined)
    assert isinstance(report.device_peak_bytes, Undefined)
    assert report.threads == torch.get_num_threads()
    assert [phase.name for phase in report.phases] == [
        *("imports", "rehearsal", "load", "inference"),
        *["warm load"] * 3,
    ]
    assert report.phases[2].start_s == 0.0
    assert report.curve[0][0] < 0 < report.curve[-1][0]


@pytest.mark.slow
@pytest.mark.skipif(why_no_time() is not None, reason="GNU time is not there")
def test_peaks_are_gnu_time_s(wide: Path) -> None:
    """Loading needs more than inference here, and no third thing more than both."""
    peaks = measure_peaks(WorkerRequest(ModelToLoad(str(wide)), ("the",), new_tokens=1))
    assert abs(peaks.ratio - 1) < 0.03
    assert abs(peaks.ratio_whole_life - 1) < 0.03
    assert peaks.reported > 100_000_000


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "unheard-of"}))
    with pytest.raises(ModelReferenceError, match="cannot be loaded"):
        measure_isolated(WorkerRequest(ModelToLoad(str(folder)), ("x",)))


def test_a_reference_that_leads_nowhere() -> None:
    with pytest.raises(ModelReferenceError, match="leads nowhere"):
        measure_isolated(WorkerRequest(ModelToLoad("/no/such/model"), ("x",)))


def test_a_location_means_the_same_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference stays what the user wrote; the files are found from elsewhere."""
    folder = save_llama(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"")
    monkeypatch.chdir("/")
    with pytest.raises(ModelReferenceError) as caught:
        measure_isolated(WorkerRequest(ModelToLoad("m", location=str(folder)), ("x",)))
    assert str(folder / "model.safetensors") in caught.value.what


@pytest.mark.slow
def test_a_pickled_model_without_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is allowed reaches the process; NaN is seen there, and the model named as given."""
    import torch

    module = make_llama()
    with torch.no_grad():
        module.get_output_embeddings().weight[7] = torch.nan
    folder = save(module, tmp_path / "m")
    torch.save(module.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    monkeypatch.chdir("/")
    request = WorkerRequest(ModelToLoad("m", location=str(folder)), ("the",), new_tokens=2)
    with pytest.raises(ModelReferenceError, match="pickled"):
        measure_isolated(request)
    with pytest.raises(NotFiniteScoreError, match="the model m gave"):
        measure_isolated(replace(request, model=replace(request.model, allow_pickle=True)))


def instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    """Another program in the measuring process's place."""
    program = tmp_path / "program.py"
    program.write_text("#!" + sys.executable + "\nimport os, sys, time, signal\n" + code)
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


REQUEST = WorkerRequest(ModelToLoad("some-model"), ("x",))


def test_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "print('loading', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    instead(monkeypatch, tmp_path, code)
    with pytest.raises(WorkerError) as caught:
        measure_isolated(REQUEST)
    assert "some-model" in caught.value.what
    assert "SIGKILL" in caught.value.got
    assert "loading" in caught.value.got
    assert "lack of memory" not in caught.value.got, "it killed itself"


def test_killed_for_lack_of_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counts = iter((3, 4))
    monkeypatch.setattr(isolated, "count_memory_kills", lambda: next(counts))
    monkeypatch.setattr(isolated, "kills_since", lambda before: next(counts) - before)
    instead(monkeypatch, tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(WorkerError) as caught:
        measure_isolated(REQUEST)
    assert "the kernel killed it for lack of memory" in caught.value.got
    assert "smaller model" in caught.value.next_step


def test_crashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead(monkeypatch, tmp_path, "print('x' * 10); raise OverflowError('the last line')")
    with pytest.raises(WorkerError) as caught:
        measure_isolated(REQUEST)
    assert "exit status 1" in caught.value.got
    assert "OverflowError: the last line" in caught.value.got


def test_silent_success_is_no_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead(monkeypatch, tmp_path, "sys.stdin.read()")
    with pytest.raises(WorkerError, match="exit status 0"):
        measure_isolated(REQUEST)


def test_out_of_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    instead(monkeypatch, tmp_path, code)
    with pytest.raises(WorkerError, match=r"no answer within 1\.5 s"):
        measure_isolated(REQUEST, timeout_s=1.5)
    assert not Path("/proc", pid.read_text()).exists(), "the process outlived its time"


def test_out_of_time_unseen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process cannot be looked at, and does not end either."""
    import memory_profiler
    import psutil

    def lost(process: int, **_: object) -> None:
        raise psutil.NoSuchProcess(process)

    monkeypatch.setattr(memory_profiler, "memory_usage", lost)
    instead(monkeypatch, tmp_path, "time.sleep(600)")
    with pytest.raises(WorkerError, match=r"no answer within 0\.5 s"):
        measure_isolated(REQUEST, timeout_s=0.5)


def test_page_cache_warm_and_cold(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"x" * 5_000_000)
    page_cache.warm([path])
    share = page_cache.resident_share(path)
    assert isinstance(share, Undefined) or share == 1.0
    obstacle = page_cache.evict([path])
    after = page_cache.resident_share(path)
    if obstacle is None:
        assert isinstance(after, float)
        assert after <= page_cache.MAX_RESIDENT_SHARE
    else:
        assert obstacle.reason


def test_mapped_pages_stay_and_are_told(tmp_path: Path) -> None:
    import mmap

    path = tmp_path / "weights"
    path.write_bytes(b"x" * 5_000_000)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[:: mmap.PAGESIZE]) > 0
        obstacle = page_cache.evict([path])
    assert isinstance(obstacle, Undefined)
    assert obstacle.reason


def test_an_empty_file_is_never_in_the_cache(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert page_cache.resident_share(tmp_path / "empty") == 0.0


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux's own")
def test_high_water_mark_sees_a_short_peak() -> None:
    if not process_memory.reset_high_water_mark():
        pytest.skip("the kernel does not let this process reset it")
    before = process_memory.high_water_mark_bytes()
    block = bytearray(80_000_000)
    del block
    assert process_memory.high_water_mark_bytes() - before > 70_000_000
    assert process_memory.reset_high_water_mark()
    assert process_memory.high_water_mark_bytes() - before < 40_000_000


ROLLUP = """\
558442012000-7ffee2092000 ---p 00000000 00:00 0                          [rollup]
Rss:               13528 kB
Pss:                9545 kB
Pss_Dirty:          6864 kB
Shared_Clean:       6652 kB
Private_Clean:        12 kB
Private_Dirty:      6864 kB
"""


def test_set_sizes_by_hand(tmp_path: Path) -> None:
    rollup = tmp_path / "smaps_rollup"
    rollup.write_text(ROLLUP)
    sizes = process_memory.set_sizes(rollup)
    assert sizes == process_memory.SetSizes(9545 * 1024, (12 + 6864) * 1024)
    rollup.write_text(ROLLUP.replace("Private_Dirty", "Other"))
    without = process_memory.set_sizes(rollup)
    assert isinstance(without, Undefined)
    assert "Private_Dirty" in without.reason
    absent = process_memory.set_sizes(tmp_path / "none")
    assert isinstance(absent, Undefined)
    assert "No such file" in absent.reason


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux's own")
def test_set_sizes_are_ordered_and_are_psutil_s() -> None:
    import psutil

    sizes, wanted = process_memory.set_sizes(), psutil.Process().memory_full_info()
    assert isinstance(sizes, process_memory.SetSizes)
    assert 0 < sizes.unique_bytes <= sizes.proportional_bytes <= 1.05 * wanted.rss
    assert sizes.unique_bytes == pytest.approx(wanted.uss, rel=0.1)
    assert sizes.proportional_bytes == pytest.approx(wanted.pss, rel=0.1)


def test_resident_memory_grows_with_what_is_held() -> None:
    process_memory.release_freed_memory()
    before = process_memory.resident_bytes()
    block = b"x" * 60_000_000
    assert process_memory.resident_bytes() - before > 50_000_000
    del block
