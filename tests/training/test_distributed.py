"""Several processes that train together do what one process would do with the same batches."""

import json
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
import torch

from asr.batching import rank_share
from asr.corpus.augment import AugmentSettings
from asr.corpus.batches import BatchSettings, TrainingBatches
from asr.corpus.manifest import read_manifest
from asr.corpus.spec_augment import spec_augment
from asr.corpus.waveforms import Example
from asr.training.run.checkpoint import Checkpoints
from asr.training.run.metrics import read_metrics
from tests.support.processes import Training, torchrun, torchrun_command, train_together
from tests.support.small_training import state_of, weights_of, write_conf, write_small_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("corpus"))


def conf_without_dropout(corpus: Path, folder: Path, **loop: object) -> Path:
    """Dropout is drawn by each process for itself: the only thing in which many processes differ from one."""
    conf = write_conf(corpus, folder / "conf.yaml", batch_seconds=2.5, max_epochs=2, **loop)
    conf.write_text(conf.read_text().replace("dropout: 0.2", "dropout: 0.0"))
    return conf


def steps_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]


def test_two_processes_give_the_losses_and_weights_of_one(corpus: Path, tmp_path: Path) -> None:
    conf = conf_without_dropout(corpus, tmp_path, clip_factor=1.5)
    result = train_together([Training(number, conf, tmp_path / f"run{number}") for number in (1, 2)])
    assert result.returncode == 0, result.stderr
    one, two = steps_of(tmp_path / "run1"), steps_of(tmp_path / "run2")
    assert len(one) == len(two) > 6
    for ours, theirs in zip(one, two, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    alone, together = state_of(tmp_path / "run1"), state_of(tmp_path / "run2")
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=0, atol=1e-5)
    lines = [(tmp_path / f"run{number}" / "metrics.jsonl").read_text().splitlines() for number in (1, 2)]
    for ours, theirs in zip(*lines, strict=True):
        for key in ("epoch", "step", "train_loss", "dev_loss", "dev_wer", "blank_ratio"):
            assert json.loads(ours)[key] == pytest.approx(json.loads(theirs)[key], rel=1e-4), key


# The second process dies at a step, as if killed for want of memory.
DYING = """
    import os, signal, sys
    from asr.training.step import Stepper
    update = Stepper.update
    def patched(self, report, rate):
        if report.step == 7 and os.environ["RANK"] == "1": os.kill(os.getpid(), signal.SIGKILL)
        update(self, report, rate)
    Stepper.update = patched
    from asr.cli import main
    main()
"""


def test_a_process_that_dies_ends_the_training_which_then_goes_on_exactly(corpus: Path, tmp_path: Path) -> None:
    conf = write_conf(corpus, tmp_path / "conf.yaml", batch_seconds=2.5, max_epochs=2, checkpoint_steps=2)
    script = tmp_path / "dying.py"
    script.write_text(textwrap.dedent(DYING))
    started = time.monotonic()
    result = torchrun(2, script, "train", conf, "--run", tmp_path / "broken")
    assert result.returncode != 0
    assert time.monotonic() - started < 100  # it does not hang until a time-out of half an hour
    assert "SIGKILL" in result.stderr
    # The first may just have finished, and saved, the step in which the second died.
    assert Checkpoints(tmp_path / "broken").paths()[-1].name in ("step-00000006.pt", "step-00000008.pt")
    trainings = [Training(2, conf, tmp_path / "whole"), Training(2, conf, tmp_path / "broken", resume=True)]
    both = train_together(trainings)
    assert both.returncode == 0, both.stderr
    assert steps_of(tmp_path / "whole") == steps_of(tmp_path / "broken")
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "broken")
    whole, broken = (read_metrics(tmp_path / name / "metrics.jsonl") for name in ("whole", "broken"))
    for key in ("padding_waste", "layers", "gradient_norm"):
        assert [getattr(record, key) for record in broken] == [getattr(record, key) for record in whole], key


def test_an_error_in_one_process_is_told_and_ends_all(corpus: Path, tmp_path: Path) -> None:
    write_small_corpus(tmp_path)
    (tmp_path / "train" / "train3.wav").write_bytes(b"RIFF")
    conf = write_conf(tmp_path, tmp_path / "conf.yaml", batch_seconds=2.5)
    result = torchrun_command(2, "-m", "asr", "--", "train", conf, "--run", tmp_path / "run")
    assert result.returncode != 0
    assert "train3.wav" in result.stderr
    assert "Traceback (most recent call last)" not in result.stderr.partition("torch/distributed")[0]


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 7])
def test_no_utterance_is_lost_or_doubled(corpus: Path, num_ranks: int) -> None:
    utterances = read_manifest(corpus / "train.jsonl")
    examples = [Example(utterance, (2,)) for utterance in utterances]
    ranks = [
        TrainingBatches(examples, BatchSettings(AugmentSettings(), 2.5, seed=1, rank=rank, num_ranks=num_ranks))
        for rank in range(num_ranks)
    ]
    batches = [list(rank.epoch(1)) for rank in ranks]
    assert len({len(of_rank) for of_rank in batches}) == 1
    seen = Counter(id for of_rank in batches for batch in of_rank if not batch.is_dummy for id in batch.ids)
    assert seen == Counter(utterance.id for utterance in utterances)
    dummies = [batch for of_rank in batches for batch in of_rank if batch.is_dummy]
    assert (num_ranks > 1) == bool(dummies)  # some batches hold a single utterance
    whole = list(TrainingBatches(examples, BatchSettings(AugmentSettings(), 2.5, seed=1)).epoch(1))
    for index, batch in enumerate(whole):
        shares = [of_rank[index] for of_rank in batches if not of_rank[index].is_dummy]
        ids = {row: id for share in shares for row, id in zip(share.rows or (), share.ids, strict=True)}
        assert tuple(ids[row] for row in range(len(batch))) == batch.ids


def test_shares_of_a_batch_are_about_as_long() -> None:
    seconds = sorted((torch.rand(64, generator=torch.Generator().manual_seed(0)) * 10).tolist(), reverse=True)
    sums = [sum(seconds[row] for row in rank_share(64, rank, 4).rows) for rank in range(4)]
    assert max(sums) - min(sums) <= max(seconds)


def test_an_utterance_gets_the_same_masks_in_its_share_as_in_the_whole_batch() -> None:
    frames, num_frames = torch.ones(5, 200, 80), torch.tensor([200, 180, 150, 120, 90])
    whole = spec_augment(frames, num_frames, AugmentSettings(), torch.Generator().manual_seed(3))
    rows = [1, 3]
    share = spec_augment(
        frames[rows],
        num_frames[rows],
        AugmentSettings(),
        torch.Generator().manual_seed(3),
        rows=rows,
        num_rows=5,
    )
    assert torch.equal(share, whole[rows])
    assert bool((share == 0).any())


def test_processes_that_see_other_data_are_refused(corpus: Path, tmp_path: Path) -> None:
    """As where a sound file has not reached the disk of each machine, and --skip-missing leaves it out on one."""
    conf = write_conf(corpus, tmp_path / "conf.yaml", batch_seconds=2.5)
    script = tmp_path / "missing.py"
    script.write_text(
        "import os\n"
        "from asr.training import data\n"
        "leave_out = data.without_missing_files\n"
        "if os.environ['RANK'] == '1':\n"
        "    data.without_missing_files = lambda utterances, path: (leave_out(utterances, path)[0][2:], None)\n"
        "from asr.cli import main\n"
        "main()\n"
    )
    result = torchrun(2, script, "train", conf, "--run", tmp_path / "run", "--skip-missing")
    assert result.returncode != 0
    assert "the processes do not see the same data: 13 to 15 utterances" in result.stderr
