"""Training: equal for equal seeds, equal after an interruption, and safe when the disk is full."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from asr.corpus.collate import Batch
from asr.errors import AudioError, Interrupted, ManifestError, OutputError, TokensError, TrainingError
from asr.files import atomic_path
from asr.recognizer import Recognizer
from asr.training.ema import WeightAverage
from asr.training.loop import Trainer
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.metrics import read_metrics
from asr.training.step import Stepper, StepReport
from asr.training.train import train
from tests.support.small_training import saved_state, settings_for, state_of, weights_of, write_conf
from tests.support.tones import random_texts, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, "train", random_texts(24, seed=1), seed=1)
    write_corpus(folder, "dev", random_texts(6, seed=2), seed=2)
    return folder


def curve_of(run: Path) -> list[tuple[float, ...]]:
    keys = ("epoch", "step", "train_loss", "gradient_norm", "dev_loss", "dev_wer")
    return [tuple(getattr(record, key) for key in keys) for record in read_metrics(run / "metrics.jsonl")]


def test_two_trainings_with_one_seed_are_equal_and_with_another_seed_are_not(corpus: Path, tmp_path: Path) -> None:
    for name, seed, workers in (("one", 1, 0), ("two", 1, 1), ("other", 2, 0)):
        train(settings_for(corpus, tmp_path, seed=seed, num_workers=workers), tmp_path / name)
    assert curve_of(tmp_path / "one") == curve_of(tmp_path / "two")
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two")
    assert weights_of(tmp_path / "one") != weights_of(tmp_path / "other")


def test_an_interrupted_training_goes_on_to_the_same_weights(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(corpus, tmp_path)
    train(settings, tmp_path / "whole")
    step = Trainer._train_step

    def interrupted_step(self: Trainer, *arguments: object) -> object:
        if self.progress.step == 7:  # in the midst of an epoch
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", interrupted_step)
        with pytest.raises(Interrupted, match="--resume"):
            train(settings, tmp_path / "broken")
    assert saved_state(tmp_path / "broken")["progress"]["batch"] > 0
    train(settings, tmp_path / "broken", resume=True)
    whole, broken = state_of(tmp_path / "whole"), state_of(tmp_path / "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "broken")
    assert [row[:2] for row in curve_of(tmp_path / "whole")] == [row[:2] for row in curve_of(tmp_path / "broken")]
    assert curve_of(tmp_path / "whole")[-1] == curve_of(tmp_path / "broken")[-1]


def test_ctrl_c_at_the_command_line_says_how_to_go_on(corpus: Path, tmp_path: Path) -> None:
    conf = write_conf(corpus, tmp_path / "conf.yaml", max_epochs=5000, patience=5000)
    command = [sys.executable, "-m", "asr", "train", str(conf), "--run", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert "--resume" in rest
    assert "Traceback" not in rest
    assert Checkpoints(tmp_path / "run").paths()


def test_a_full_disk_costs_a_warning_and_keeps_the_old_checkpoint(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(corpus, tmp_path)
    real = Checkpoints.save
    calls = []

    def full_after_first(self: Checkpoints, step: int, state: dict[str, object]) -> None:
        calls.append(step)
        if len(calls) == 1:
            real(self, step, state)
            return
        with atomic_path(tmp_path / "run" / "checkpoints" / f"step-{step:08d}.pt") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Checkpoints, "save", full_after_first)
    train(settings, tmp_path / "run")
    assert len(calls) == 3
    assert saved_state(tmp_path / "run")["progress"]["epoch"] == 2  # the first, whole
    assert "No space left on device" in capfd.readouterr().err
    assert [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")] == []
    assert Recognizer.load(tmp_path / "run" / "model")


def test_tensorboard_gets_the_curve_and_is_asked_for_by_name_where_it_is_missing(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    settings = settings_for(corpus, tmp_path, tensorboard=True)
    train(settings, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    losses = [record.dev_loss for record in read_metrics(tmp_path / "run" / "metrics.jsonl")]
    assert [event.value for event in events.Scalars("dev_loss")] == pytest.approx(losses)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"pip install 'recurrent-asr\[tensorboard\]'"):
        train(settings, tmp_path / "other")


def test_a_dev_set_without_a_word_is_refused_before_the_training(corpus: Path, tmp_path: Path) -> None:
    dev = write_corpus(tmp_path, "silence", ["", " "], seed=1)
    with pytest.raises(
        ManifestError, match=r"silence\.jsonl: none of the 2 texts has a word.*give data\.dev a manifest"
    ):
        train(settings_for(corpus, tmp_path, [f"data.dev={dev}"]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("can't allocate memory")]
)
def test_a_step_for_which_there_is_no_memory_leaves_the_state(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    gradients = Stepper._gradients

    def full(self: Stepper, batch: Batch, step: int, **options: bool) -> StepReport:
        if step == 2:
            raise error
        return gradients(self, batch, step, **options)

    monkeypatch.setattr(Stepper, "_gradients", full)
    with pytest.raises(TrainingError, match=r"step 3: the memory of cpu is full, with \d+ sounds.*the state is saved"):
        train(settings_for(corpus, tmp_path), tmp_path / "run")
    assert saved_state(tmp_path / "run")["progress"]["step"] == 2


def test_an_impossible_output_folder_is_one_error(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="is a file"):
        train(settings_for(corpus, tmp_path), tmp_path / "file")
    with pytest.raises(OutputError, match="could not be written"):
        train(settings_for(corpus, tmp_path), tmp_path / "file" / "run")


def test_utterances_that_can_not_be_aligned_are_named_and_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AB", "CD", "AAAA"], seed=1)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[2]["text"] = "A" * 100
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    train(settings_for(tmp_path, tmp_path, max_epochs=1), tmp_path / "run")
    said = " ".join(capfd.readouterr().err.split())
    assert "left out, too short for their text: 1 utterances: train2" in said
    assert "199 tokens and repeats" in said
    assert "train 2 utterances" in said


def test_a_dev_text_outside_the_alphabet_names_character_utterance_and_line(corpus: Path, tmp_path: Path) -> None:
    dev = write_corpus(tmp_path, "dev", ["AB", "AÉ"], seed=1)
    dev.write_text("\n" + dev.read_text())  # the line is that of the file, blank lines counted
    settings = settings_for(corpus, tmp_path, [f"data.dev={dev}"])
    with pytest.raises(TokensError, match=r"dev\.jsonl, line 3, utterance dev1: the character 'É' \(U\+00C9\)"):
        train(settings, tmp_path / "run")


def test_a_used_folder_is_refused_and_a_missing_checkpoint_too(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, max_epochs=1)
    with pytest.raises(TrainingError, match="no checkpoint to resume from"):
        train(settings, tmp_path / "run", resume=True)
    train(settings, tmp_path / "run")
    with pytest.raises(TrainingError, match="--resume"):
        train(settings, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"other settings: model\.hidden_size: 8 -> 9, training\.seed: 1 -> 2; "):
        train(settings_for(corpus, tmp_path, ["model.hidden_size=9"], seed=2), tmp_path / "run", resume=True)
    assert "hidden_size: 8" in (tmp_path / "run" / "settings.yaml").read_text()
    for path in Checkpoints(tmp_path / "run").paths():
        path.write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="all checkpoints are damaged"):
        train(settings, tmp_path / "run", resume=True)


def test_a_run_of_before_the_mean_of_speech_does_not_go_on_with_it_unasked(corpus: Path, tmp_path: Path) -> None:
    train(settings_for(corpus, tmp_path, max_epochs=1), tmp_path / "run")
    checkpoints = Checkpoints(tmp_path / "run")
    _, state = checkpoints.load(print)
    del state["settings"]["model"]["features"]["mean_over"]
    checkpoints.save(state["progress"]["step"], state)
    with pytest.raises(TrainingError, match=r"other settings: model\.features\.mean_over: utterance -> speech; "):
        train(settings_for(corpus, tmp_path, max_epochs=2), tmp_path / "run", resume=True)
    same = settings_for(corpus, tmp_path, ["model.features.mean_over=utterance"], max_epochs=2)
    train(same, tmp_path / "run", resume=True)


def test_early_stop_keeps_the_best_epoch(corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # With a learning rate of almost zero dev never improves after the first epoch.
    train(settings_for(corpus, tmp_path, learning_rate=1e-12, max_epochs=50, patience=2), tmp_path / "run")
    assert len(read_metrics(tmp_path / "run" / "metrics.jsonl")) < 50
    assert "stopped" in capfd.readouterr().err


def test_a_run_out_of_patience_stays_so_when_it_is_resumed(corpus: Path, tmp_path: Path) -> None:
    settings = settings_for(corpus, tmp_path, learning_rate=1e-12, max_epochs=50, patience=2)
    train(settings, tmp_path / "run")
    curve = curve_of(tmp_path / "run")
    train(settings, tmp_path / "run", resume=True)
    assert curve_of(tmp_path / "run") == curve


def test_training_texts_that_have_changed_are_refused_at_resume(tmp_path: Path) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    write_corpus(tmp_path, "train", ["AABA", "B A"], seed=1)
    settings = settings_for(tmp_path, tmp_path, max_epochs=1)
    train(settings, tmp_path / "run")
    write_corpus(tmp_path, "train", ["BBAB", "B A"], seed=1)  # as many letters, in another order
    with pytest.raises(TrainingError, match="training texts have changed"):
        train(settings, tmp_path / "run", resume=True)


def test_a_full_disk_while_saving_the_best_model_is_tried_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    save, calls = Recognizer.save, []

    def full_at_first(self: Recognizer, *arguments: object, **options: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise OutputError("the disk is full")
        save(self, *arguments, **options)

    monkeypatch.setattr(Recognizer, "save", full_at_first)
    train(settings_for(corpus, tmp_path), tmp_path / "run")
    assert len(calls) >= 2
    assert "warning: the disk is full; training goes on" in capfd.readouterr().err
    assert Recognizer.load(tmp_path / "run" / "model")
    monkeypatch.setattr(Recognizer, "save", lambda *_, **__: (_ for _ in ()).throw(OutputError("the disk is full")))
    with pytest.raises(OutputError, match="could not be written"):
        train(settings_for(corpus, tmp_path, max_epochs=1), tmp_path / "other")


def test_ctrl_c_on_a_full_disk_does_not_claim_that_the_state_is_saved(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer._train_step

    def stopped_step(self: Trainer, *arguments: object) -> object:
        self.saver.stop_request.asked = True
        return step(self, *arguments)

    def full(self: Checkpoints, step: int, state: dict[str, object]) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(Trainer, "_train_step", stopped_step)
    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(Interrupted, match=r"could not be saved: .*the disk is full"):
        train(settings_for(corpus, tmp_path), tmp_path / "run")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_broken_sound_file_in_the_midst_of_training_is_one_line(tmp_path: Path, num_workers: int) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    write_corpus(tmp_path, "train", random_texts(8, seed=1), seed=1)
    (tmp_path / "train" / "train3.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"train3\.wav") as caught:
        train(settings_for(tmp_path, tmp_path, num_workers=num_workers), tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_duration_that_lies_is_one_line(tmp_path: Path) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AB", "CD AB"], seed=1)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[0] |= {"text": "A" * 60, "duration": 9.0}
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    expected = r"train0\.wav, utterance train0 \(line 1\): lasts 0\.38 s, the manifest says 9\.00 s; `asr doctor --fix`"
    with pytest.raises(AudioError, match=expected):
        train(settings_for(tmp_path, tmp_path), tmp_path / "run")


def test_weight_average_follows_the_formula() -> None:
    source = torch.nn.Linear(1, 1, bias=False)
    values, expected = [0.3, -1.0, 2.5, 0.7], float(source.weight.detach())
    average = WeightAverage(source, decay=0.2)
    for step, value in enumerate(values, start=1):
        source.weight.data.fill_(value)
        average.update(source, step)
        decay = min(0.2, step / (step + 10))
        expected = decay * expected + (1 - decay) * value
    assert float(average.model.weight) == pytest.approx(expected, rel=1e-6)
