"""Whatever a run's rhythm, it is not taken as finished while a file of its model still grows."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill_fixtures.training.order import Pace
from tests.training.made_up_training import Played, pickled, state_text, weights

# Settings that are only whole at their last byte, and weights of some length.
FILES = (
    ("config.json", b'{"model_type": "llama"}'),
    ("generation_config.json", b'{"eos_token_id": 1}'),
    ("model.safetensors", weights(60, fill=7)),
    ("tokenizer_config.json", b'{"model_max_length": 10}'),
    ("tokenizer.json", b'{"version": "1.0"}'),
    ("training_args.bin", pickled()),
)
OPTIMIZER = ("optimizer.pt", b"PK" * 40)
# Any pause within a checkpoint, whose last file tells; shorter ones in a folder without such.
LONG_S, SHORT_S = 400.0, 50.0


@st.composite
def piecewise(
    draw: st.DrawFn, files: tuple[tuple[str, bytes], ...], begin_s: float, pause_s: float
) -> tuple[list[tuple[float, str, bytes]], float]:
    """Each file in one to four pieces, after pauses; and when the last one was written."""
    pieces, at_s = [], begin_s
    for name, content in files:
        cuts = draw(st.lists(st.integers(1, len(content) - 1), max_size=3, unique=True))
        edges = [0, *sorted(cuts), len(content)]
        for start, end in itertools.pairwise(edges):
            at_s += draw(st.floats(0.0, pause_s))
            pieces.append((at_s, name, content[start:end]))
    return pieces, at_s


@settings(deadline=None, max_examples=60)
@given(data=st.data(), has_final=st.booleans(), by_process=st.booleans())
def test_never_too_early(data: st.DataObject, has_final: bool, by_process: bool) -> None:
    state = ("trainer_state.json", state_text(20))
    checkpoint, done_s = data.draw(piecewise((*FILES, OPTIMIZER, state), 10.0, LONG_S))
    pieces = [(at_s, f"checkpoint-20/{name}", part) for at_s, name, part in checkpoint]
    if has_final:
        final, done_s = data.draw(piecewise(FILES, done_s, SHORT_S))
        pieces += final
    with tempfile.TemporaryDirectory() as place:
        run = Played(Path(place) / "run")
        run.folder.mkdir()
        for at_s, name, part in pieces:
            run.append(at_s, name, part)
        run.process_ends_s = done_s
        model = run.wait(until_s=1e6, pid=1 if by_process else None)
        wanted = dict(FILES)
        if model.folder != run.folder:
            wanted |= {OPTIMIZER[0]: OPTIMIZER[1], state[0]: state[1]}
        else:
            assert has_final
        found = {each.name: each.read_bytes() for each in model.folder.iterdir() if each.is_file()}
        assert found == wanted
        if by_process:
            assert run.seconds >= done_s
            assert (model.folder == run.folder) is has_final


def test_a_file_written_over_in_place(tmp_path: Path) -> None:
    """Its length says nothing: it was made at once and is filled now."""
    run = Played(tmp_path / "run")
    run.folder.mkdir()
    run.checkpoint(0, 20).model(1)
    pause_s = Pace().rest_s - 1
    for number in range(20):
        run.write(2 + pause_s * number, "model.safetensors", weights(fill=number))
    run.write(2 + pause_s * 20, "training_args.bin", pickled())
    run.wait()
    assert run.seconds >= 2 + pause_s * 20 + Pace().rest_s


@pytest.mark.parametrize("suffix", [".log", ".out"])
def test_a_log_that_goes_on_is_no_part_of_the_model(tmp_path: Path, suffix: str) -> None:
    run = Played(tmp_path / "run")
    run.folder.mkdir()
    run.checkpoint(0, 20).model(1)
    for number in range(1000):
        run.append(float(number), "train" + suffix, b"evaluating\n")
    run.wait()
    assert run.seconds < 60
