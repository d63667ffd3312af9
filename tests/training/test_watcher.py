"""Runs that end, die, stall and are still writing, played on a clock of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill_fixtures.errors import TrainingError
from distill_fixtures.training.order import Pace
from tests.training.made_up_training import (
    BEGAN_EPOCH_S,
    Played,
    StillWaiting,
    pickled,
    state_text,
    weights,
)

PID = 4711


@pytest.fixture
def run(tmp_path: Path) -> Played:
    (tmp_path / "run").mkdir()
    return Played(tmp_path / "run")


def halves(run: Played) -> Played:
    """Two checkpoints a hundred seconds apart, the second of them the last."""
    return run.checkpoint(100, 10).checkpoint(200, 20)


# Runs that end


Plan = Callable[[Played], Played]
ENDS: dict[str, tuple[Plan, dict[str, Any], str]] = {
    "the final model": (lambda run: halves(run).model(210), {}, "run"),
    "checkpoints only": (halves, {}, "checkpoint-20"),
    "adapters": (
        lambda run: run.checkpoint(100, 20, adapter=True).adapter(110),
        {},
        "run",
    ),
    "early stopping": (
        lambda run: run.checkpoint(
            100,
            10,
            stateful_callbacks={
                "EarlyStoppingCallback": {
                    "args": {"early_stopping_patience": 1},
                    "attributes": {"early_stopping_patience_counter": 1},
                },
                "TrainerControl": {"args": {"should_training_stop": True}},
            },
        ),
        {},
        "checkpoint-10",
    ),
    "no checkpoints, and save_state at the end": (
        lambda run: run.model(100).write(
            101, "trainer_state.json", state_text(20, log_history=[{"train_runtime": 1.0}])
        ),
        {},
        "run",
    ),
    "an old model in the folder": (
        lambda run: halves(run.model(0).checkpoint(40, 4)),
        {},
        "checkpoint-20",
    ),
    "the best": (
        lambda run: run.checkpoint(100, 10).checkpoint(
            200, 20, best_model_checkpoint="/old/place/checkpoint-10"
        ),
        {"choice": "best"},
        "checkpoint-10",
    ),
    "a process that ends": (halves, {"pid": PID}, "checkpoint-20"),
    "a marker": (
        lambda run: run.checkpoint(100, 10).write(150, "../done", b""),
        {"marker": "done"},
        "checkpoint-10",
    ),
    "saved by the script after the newest checkpoint": (
        lambda run: run.checkpoint(100, 10).model(290, content=weights(fill=1)),
        {"pid": PID},
        "run",
    ),
    "no state at all": (lambda run: run.model(50), {}, "run"),
    "no state at all, and a process": (lambda run: run.model(50), {"pid": PID}, "run"),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_run_that_ends(name: str, run: Played) -> None:
    plan, order, folder = ENDS[name]
    run.process_ends_s = 300
    if "marker" in order:
        order = order | {"marker": run.folder.parent / order["marker"]}
    model = plan(run).wait(**order)
    assert model.folder.name == folder
    assert model.folder == run.folder or model.folder.parent == run.folder
    if "pid" in order:
        assert run.seconds >= 300
    if "marker" in order:
        assert run.seconds == pytest.approx(150)
    else:
        assert run.seconds - run.last_write_s >= Pace().rest_s


def test_it_says_which_model_it_took(run: Played) -> None:
    assert "checkpoint-20, the newest" in halves(run).wait().said


def test_a_process_that_runs_is_waited_for_whatever_lies_in_the_folder(run: Played) -> None:
    with pytest.raises(StillWaiting):
        halves(run).model(210).wait(pid=PID)
    assert "waiting for process 4711 to end" in run.shown[-1].reason
    assert "the last of its 20 steps is done" in run.shown[-1].reason


def test_a_marker_is_waited_for_whatever_lies_in_the_folder(run: Played) -> None:
    with pytest.raises(StillWaiting):
        halves(run).wait(marker=run.folder / "done")
    assert "waiting for the marker" in run.shown[-1].reason


def test_without_a_state_only_long_rest_tells(run: Played) -> None:
    run.model(50)
    run.wait()
    assert run.seconds >= 50 + Pace().long_rest_s


def test_a_model_without_a_trainers_last_file_rests_longer(run: Played) -> None:
    """Saved by the script itself: more may be to come, a tokenizer for one."""
    halves(run)
    for name in ("config.json", "model.safetensors"):
        run.write(210, name, weights() if name.startswith("model") else b"{}")
    assert run.wait().folder == run.folder
    assert run.seconds >= 210 + Pace().long_rest_s


def test_a_folder_that_is_not_there_yet(run: Played) -> None:
    shutil.rmtree(run.folder)
    model = halves(run).wait()
    assert "the folder is not there yet" in run.shown[0].reason
    assert model.folder.name == "checkpoint-20"


def test_a_finished_run_is_taken_after_a_short_rest(run: Played) -> None:
    run.checkpoint(0, 20).model(0).wait()
    assert run.seconds == pytest.approx(Pace().rest_s)


def test_a_final_model_may_follow_the_last_checkpoint(run: Played) -> None:
    assert halves(run).model(220).wait().folder == run.folder
    assert run.seconds == pytest.approx(225, abs=6)


# Runs that are still writing


def test_a_last_file_written_slowly(run: Played) -> None:
    """In pieces, with pauses longer than any rest."""
    halves(run)
    content = weights(1000)
    run.write(210, "config.json").write(210, "model.safetensors", content[:100])
    for piece in range(1, 5):
        at_s, part = 210 + 200 * piece, slice(100 + 1000 * (piece - 1), 100 + 1000 * piece)
        run.append(at_s, "model.safetensors", content[part] if piece < 4 else content[3100:])
    run.write(1010, "training_args.bin", pickled())
    assert run.wait().folder == run.folder
    assert run.seconds >= 1010 + Pace().rest_s
    assert any("model.safetensors is not whole" in each.reason for each in run.shown)


def test_shards_are_all_waited_for(run: Played) -> None:
    halves(run).write(210, "config.json")
    listed = b'{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002'
    listed += b'.safetensors"}}'
    run.write(210, "model-00001-of-00002.safetensors", weights())
    run.write(500, "model-00002-of-00002.safetensors", weights())
    run.write(501, "model.safetensors.index.json", listed)
    run.write(502, "training_args.bin", pickled())
    assert run.wait().folder == run.folder
    assert run.seconds >= 507


def test_the_state_is_the_last_file_of_a_checkpoint(run: Played) -> None:
    run.checkpoint(100, 10).model(200, "checkpoint-20/")
    run.write(800, "checkpoint-20/trainer_state.json", state_text(20))
    assert run.wait().folder.name == "checkpoint-20"
    assert run.seconds >= 805


def test_a_run_that_was_resumed_goes_on(run: Played) -> None:
    """The old end lies there, and a newer checkpoint is being written."""
    halves(run).model(2000, "checkpoint-30/")
    run.seconds = 2000
    with pytest.raises(StillWaiting):
        run.wait()
    assert "checkpoint-30: it has no trainer_state.json yet" in run.shown[-1].reason


def test_a_run_anew_in_an_old_folder(run: Played) -> None:
    """Its steps are lower than those that it finds there."""
    halves(run).checkpoint(1000, 5).checkpoint(1100, 20)
    run.seconds = 1000
    model = run.wait()
    assert model.folder.name == "checkpoint-20"
    assert model.doubt is None
    assert run.seconds >= 1105


def test_an_older_step_that_was_written_later_is_doubtful(run: Played) -> None:
    """As in a copy whose files have the times of copying, in the order of their names."""
    run.checkpoint(100, 100).checkpoint(200, 20).seconds = 1000
    model = run.wait()
    assert model.folder.name == "checkpoint-20"
    assert model.doubt is not None
    assert f"--student-model {run.folder}/checkpoint-100" in model.doubt


def test_a_run_asked_to_save_and_go_is_not_over(run: Played) -> None:
    control = {"TrainerControl": {"args": {"should_training_stop": True}}}
    with pytest.raises(StillWaiting):
        run.checkpoint(100, 10, stateful_callbacks=control).wait()


def test_a_checkpoint_marked_incomplete(run: Played) -> None:
    halves(run).write(201, "checkpoint-20/checkpoint-is-incomplete.txt", b"")
    error = refused(run)
    assert "checkpoint-is-incomplete.txt says that its writing was not finished" in error.got
    assert run.seconds > 201 + Pace().silence_factor * 100


# Runs that die


def refused(run: Played, **order: Any) -> TrainingError:
    with pytest.raises(TrainingError) as caught:
        run.wait(**order)
    error = caught.value
    assert str(run.folder) in error.what
    assert all((error.got, error.wanted, error.next_step))
    return error


def test_killed_half_way(run: Played) -> None:
    run.process_ends_s = 130
    error = refused(run.checkpoint(100, 10), pid=PID)
    assert "ended before it was done" in error.what
    assert "process 4711 has ended; the last state written is of step 10 of 20" in error.got
    assert f"--student-model {run.folder}/checkpoint-10" in error.next_step
    assert run.seconds <= 145


def test_killed_while_it_wrote_a_checkpoint(run: Played) -> None:
    run.process_ends_s = 201
    run.checkpoint(100, 10).write(200, "checkpoint-20/config.json")
    run.write(200, "checkpoint-20/model.safetensors", weights()[:30])
    assert f"--student-model {run.folder}/checkpoint-10" in refused(run, pid=PID).next_step


def test_killed_before_it_saved_anything(run: Played) -> None:
    run.process_ends_s = 50
    error = refused(run.write(1, "runs/events.out", b"x"), pid=PID)
    assert "no state of its progress" in error.got
    assert "no model in the folder can be measured" in error.next_step


def test_a_process_that_dies_in_an_old_folder(run: Played) -> None:
    """What an earlier run left there is not taken for its own."""
    run.process_began_s, run.process_ends_s = 1000, 1010
    halves(run).model(210).seconds = 1005
    error = refused(run, pid=PID)
    assert "was there before it began" in error.got
    assert f"--student-model {run.folder}" in error.next_step


def test_a_process_that_dies_early_beside_an_old_model(run: Played) -> None:
    """It has written settings of its own there, which make the old weights no newer."""
    run.process_began_s, run.process_ends_s = 1000, 1010
    halves(run).model(210).write(1006, "hparams.yaml").write(1006, "config.json")
    run.seconds = 1005
    assert "was there before it began" in refused(run, pid=PID).got


def test_the_clock_of_a_drive_that_is_behind(run: Played) -> None:
    """What was written while it was watched is new, an hour before the process began or not."""
    run.process_began_s, run.process_ends_s = 3600, 300
    assert halves(run).wait(pid=PID).folder.name == "checkpoint-20"


def test_a_copy_for_the_hub_is_no_end(run: Played) -> None:
    """A Trainer that pushes copies each checkpoint into the folder, and was then killed."""
    run.process_ends_s = 130
    error = refused(run.checkpoint(100, 10).model(101), pid=PID)
    assert "ended before it was done" in error.what


def test_dead_without_a_process_to_ask_is_only_suspected(run: Played) -> None:
    halves(run.checkpoint(50, 5))
    run._plan = [each for each in run._plan if each[0] < 200]
    with pytest.raises(StillWaiting):
        run.wait()
    last = run.shown[-1]
    assert last.reason == "training goes on"
    assert last.silent_since is not None
    assert last.silent_since - BEGAN_EPOCH_S == pytest.approx(100, abs=6)
    assert last.usual_s == pytest.approx(50, abs=6)
    first_silent = next(each for each in run.shown if each.silent_since is not None)
    assert first_silent.waited_s == pytest.approx(100 + 3 * 50, abs=20)


def test_slow_is_not_dead(run: Played) -> None:
    for number in range(1, 20):
        run.checkpoint(150 * number, number)
    with pytest.raises(StillWaiting):
        run.wait(until_s=2800)
    assert all(each.silent_since is None for each in run.shown)


def test_a_process_that_ends_without_its_marker(run: Played) -> None:
    run.process_ends_s = 250
    error = refused(halves(run), pid=PID, marker=run.folder / "done")
    assert "process 4711 has ended, and the marker" in error.got


def test_a_marker_without_a_model(run: Played) -> None:
    run.write(100, "done", b"")
    error = refused(run, marker=run.folder / "done")
    assert "left no model that can be used" in error.what
    assert run.seconds == pytest.approx(100 + Pace().grace_s, abs=6)


def test_weights_that_only_accelerate_reads(run: Played) -> None:
    run.process_ends_s = 100
    run.write(50, "checkpoint_0/model.safetensors", weights())
    run.write(50, "checkpoint_0/optimizer.bin", b"")
    assert "no model in the folder" in refused(run, pid=PID).next_step


def test_the_trainers_word_without_a_model(run: Played) -> None:
    """Nobody says whether its script still runs; silence does in the end."""
    error = refused(run.write(100, "trainer_state.json", state_text(20)))
    assert "left no model that can be used" in error.what
    assert run.seconds == pytest.approx(100 + Pace().blind_silence_s, abs=11)


def test_a_model_long_after_the_trainers_word(run: Played) -> None:
    run.write(100, "trainer_state.json", state_text(20)).model(500)
    assert run.wait().folder == run.folder


def test_thousands_of_files_do_not_hide_a_checkpoint(
    run: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill_fixtures.training.folder.MOST_FILES", 50)
    for number in range(60):
        run.write(0, f"cache/{number}.arrow")
    assert halves(run).wait().folder.name == "checkpoint-20"


def test_sharded_state_without_a_model(run: Played) -> None:
    """As FSDP's SHARDED_STATE_DICT leaves it."""
    run.process_ends_s = 150
    run.write(100, "checkpoint-20/pytorch_model_fsdp_0/__0_0.distcp", b"x")
    run.write(100, "checkpoint-20/trainer_state.json", state_text(20))
    error = refused(run, pid=PID)
    assert "left no model that can be used" in error.what
    assert "checkpoint-20: it has no weights" in error.got


# The best checkpoint


@pytest.mark.parametrize(
    "written", [None, "checkpoint-15", "../../checkpoint-10x", "/etc/passwd", {"a": 1}]
)
def test_no_best_checkpoint(written: Any, run: Played) -> None:
    run.checkpoint(100, 10).checkpoint(200, 20, best_model_checkpoint=written)
    error = refused(run, choice="best")
    assert "no best checkpoint" in error.what
    assert "checkpoint-20" in error.next_step


def test_a_best_checkpoint_that_is_a_link_is_not_followed(run: Played, tmp_path: Path) -> None:
    run.checkpoint(200, 20, best_model_checkpoint="checkpoint-10")
    elsewhere = Played(tmp_path / "elsewhere").model(0)
    elsewhere.folder.mkdir()
    (run.folder / "checkpoint-10").symlink_to(elsewhere.folder)
    assert "no best checkpoint" in refused(run, choice="best").what


# Time


def test_a_time_out(run: Played) -> None:
    error = refused(run.checkpoint(100, 10), timeout_s=150.0)
    assert "was not over in time" in error.what
    assert "step 10 of 20 after 150 s" in error.got
    assert "--distill-wait-timeout 150" in error.wanted
    assert f"--student-model {run.folder}/checkpoint-10" in error.next_step
    assert run.seconds == pytest.approx(150)


def test_a_finished_run_gets_its_rest_in_any_time(run: Played) -> None:
    assert run.checkpoint(0, 20).wait(timeout_s=1.0).folder.name == "checkpoint-20"


def test_the_time_left_is_that_of_the_steps_before(run: Played) -> None:
    for number in range(1, 9):
        run.checkpoint(100 * number, number, max_steps=9)
    with pytest.raises(StillWaiting):
        run.wait(until_s=350, pid=PID)
    last = run.shown[-1]
    assert last.state is not None
    assert last.state.step == 3
    assert last.left_s == pytest.approx(6 * 100 - 50, abs=6)
