"""Training from tar shards: what comes out is what a training from the manifest gets, in constant memory."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr.corpus.augment import AugmentSettings
from asr.corpus.batches import BatchSettings, TrainingBatches
from asr.corpus.collate import Batch
from asr.corpus.manifest import read_manifest
from asr.corpus.sharded_batches import ShardedBatches
from asr.corpus.shards import ShardedCorpus, read_index, write_shards
from asr.corpus.waveforms import Example
from asr.errors import CorpusError, Interrupted, SettingsError
from asr.tokens import Tokens, TokenSettings
from asr.training.data import prepare_data
from asr.training.distributed import World
from asr.training.loop import Trainer
from asr.training.run.metrics import read_metrics
from asr.training.train import train
from tests.support.command_line import Refusal
from tests.support.small_training import saved_state, settings_for, state_of, weights_of
from tests.support.tones import random_texts, write_corpus

EFFECTS = AugmentSettings.parse(
    {name: {"share": 0.5} for name in ("pauses", "added_noise", "volume", "clipping", "telephone")},
    source="conf",
)
TEXTS = [*random_texts(47, seed=1), "ABCD"]
TOKENS = Tokens.train(TEXTS, TokenSettings())[0]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> ShardedCorpus:
    """48 utterances in many shards."""
    folder = tmp_path_factory.mktemp("corpus")
    manifest = write_corpus(folder, "train", TEXTS, seed=1)
    write_corpus(folder, "dev", random_texts(4, seed=2), seed=2)
    return write_shards(manifest, folder / "shards", shard_bytes=120_000, progress=lambda *_: None)


def sharded(
    corpus: ShardedCorpus,
    kept: np.ndarray | None = None,
    *,
    augment: AugmentSettings | None = None,
    seed: int = 1,
    num_workers: int = 0,
    rank: int = 0,
    num_ranks: int = 1,
) -> ShardedBatches:
    durations = np.array([utterance.duration for utterance in corpus])
    kept = np.ones(len(durations), dtype=bool) if kept is None else kept
    settings = BatchSettings(
        augment or AugmentSettings(), 6.0, seed, num_workers=num_workers, rank=rank, num_ranks=num_ranks
    )
    return ShardedBatches(corpus, TOKENS, settings, durations=durations[kept], num_tokens=1, kept=kept, window_shards=3)


def items(batches: Iterator[Batch]) -> dict[str, tuple[torch.Tensor, list[int]]]:
    """Waveform and tokens of each utterance."""
    found = {}
    for batch in batches:
        ends = batch.num_tokens.cumsum(0).tolist()
        for row, (name, start, end) in enumerate(zip(batch.ids, [0, *ends], ends, strict=False)):
            assert name not in found
            waveform = batch.waveforms[row, : batch.num_samples[row]]
            found[name] = (waveform, batch.targets[start:end].tolist())
    return found


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        a.ids == b.ids and torch.equal(a.waveforms, b.waveforms) and torch.equal(a.targets, b.targets)
        for a, b in zip(one, other, strict=True)
    )


def test_each_epoch_has_each_utterance_once_with_the_sound_and_tokens_of_a_training_from_the_manifest(
    corpus: ShardedCorpus,
) -> None:
    """The peer is `TrainingBatches`, on the sound files themselves, in the order of the shards."""
    files = {utterance.id: utterance for utterance in read_manifest(corpus.folder.parent / "train.jsonl")}
    in_order = [files[utterance.id] for utterance in corpus]
    examples = [Example(u, tuple(TOKENS.encode(u.text))) for u in in_order]
    peer = TrainingBatches(examples, BatchSettings(EFFECTS, 6.0, seed=1))
    ours = sharded(corpus, augment=EFFECTS)
    for epoch in (1, 2):
        expected, found = items(peer.epoch(epoch)), items(ours.epoch(epoch))
        assert found.keys() == expected.keys() == files.keys()
        for name, (waveform, tokens) in expected.items():
            assert torch.equal(found[name][0], waveform)
            assert found[name][1] == tokens


def test_the_plan_keeps_to_budget_and_windows_and_changes_with_epoch_and_seed(corpus: ShardedCorpus) -> None:
    batches = sharded(corpus)
    shard_of = np.repeat(np.arange(len(corpus.shards)), [shard.num_utterances for shard in corpus.shards])
    plans = [batches.plan(epoch) for epoch in (1, 2)]
    for plan in plans:
        assert sorted(np.concatenate(plan).tolist()) == list(range(48))
        assert all(len(numbers) * max(batches.durations[numbers]) <= 6.0 for numbers in plan)
        # A shard is open from the first batch that has an utterance of it to the last; no more than a window is.
        opened = [np.unique(shard_of[numbers]).tolist() for numbers in plan]
        places = {shard: [p for p, some in enumerate(opened) if shard in some] for some in opened for shard in some}
        num_open = [sum(p[0] <= place <= p[-1] for p in places.values()) for place in range(len(plan))]
        assert 1 < max(num_open) <= 3
    first, other_epoch, again, other_seed = (
        [numbers.tolist() for numbers in plan]
        for plan in (*plans, sharded(corpus).plan(1), sharded(corpus, seed=2).plan(1))
    )
    assert first == again
    assert first != other_epoch
    assert first != other_seed


def test_any_number_of_workers_and_any_first_batch_give_the_same_batches(corpus: ShardedCorpus) -> None:
    whole = list(sharded(corpus, augment=EFFECTS).epoch(2))
    assert [len(batch) for batch in whole] == [len(batch) for batch in sharded(corpus, augment=EFFECTS).plan(2)]
    assert equal(whole, list(sharded(corpus, augment=EFFECTS, num_workers=2).epoch(2)))
    for first in range(len(whole) + 1):
        assert equal(whole[first:], list(sharded(corpus, augment=EFFECTS).epoch(2, first_batch=first)))


def test_a_resumed_epoch_does_not_read_the_windows_that_are_through(corpus: ShardedCorpus, tmp_path: Path) -> None:
    shutil.copytree(corpus.folder, tmp_path / "shards")
    batches = sharded(read_index(tmp_path / "shards"))
    last = list(batches._windows(1))[-1]
    for number, shard in enumerate(corpus.shards):
        if number not in last.shards:
            (tmp_path / "shards" / shard.path.name).unlink()
    num_through = len(batches.plan(1)) - len(last.batches)
    rest = list(batches.epoch(1, first_batch=num_through))
    assert equal(rest, list(sharded(corpus).epoch(1))[num_through:])
    with pytest.raises(CorpusError, match="no such shard"):
        list(batches.epoch(1, first_batch=num_through - 1))


def test_processes_share_each_batch(corpus: ShardedCorpus) -> None:
    whole = list(sharded(corpus).epoch(1))
    shares = [list(sharded(corpus, rank=rank, num_ranks=3).epoch(1)) for rank in range(3)]
    for batch, *parts in zip(whole, *shares, strict=True):
        ids = [""] * len(batch)
        for part in parts:
            assert part.num_rows == len(batch)
            for place, name in zip(part.rows, part.ids, strict=True):
                assert part.is_dummy or not ids[place]
                ids[place] = name
        assert tuple(ids) == batch.ids


def test_utterances_that_are_not_kept_are_neither_planned_nor_numbered(corpus: ShardedCorpus) -> None:
    kept = np.arange(48) % 5 != 2
    first = corpus.shards[1]
    kept[first.first : first.first + first.num_utterances] = False  # a whole shard
    ids = [utterance.id for utterance, keep in zip(corpus, kept, strict=True) if keep]
    batches = sharded(corpus, kept)
    numbers = np.concatenate(batches.plan(1)).tolist()
    streamed = [name for batch in batches.epoch(1) for name in batch.ids]
    assert dict(zip(numbers, streamed, strict=True)) == dict(enumerate(ids))


def test_what_needs_other_utterances_is_refused(corpus: ShardedCorpus) -> None:
    for name in ("babble", "concatenation"):
        with pytest.raises(SettingsError, match=rf"augment\.{name}: needs access to any utterance, but .*shards"):
            sharded(corpus, augment=AugmentSettings.parse({name: {"share": 0.1}}, source="conf"))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_shard_of_another_packing_or_a_damaged_one_ends_the_epoch_with_one_line(
    corpus: ShardedCorpus, num_workers: int
) -> None:
    batches = sharded(corpus, num_workers=num_workers)
    batches.durations[7] += 0.5
    with pytest.raises(CorpusError, match=r"000000007\.wav: lasts .* they are not of one packing") as caught:
        list(batches.epoch(1))
    assert "\n" not in str(caught.value)


# --- whole trainings --------------------------------------------------------------------------------------------------


def test_a_training_from_shards_resumes_to_the_same_weights(
    corpus: ShardedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(corpus.folder.parent, tmp_path, [f"data.train={corpus.folder}"], max_epochs=2)
    train(settings, tmp_path / "whole")
    assert "train 48 utterances, 0.01 h; dev 4" in " ".join(capfd.readouterr().err.split())
    from_manifest = settings_for(corpus.folder.parent, tmp_path, max_epochs=1)
    train(from_manifest, tmp_path / "files")
    tokens = [(tmp_path / name / "model" / "tokens.model").read_bytes() for name in ("whole", "files")]
    assert tokens[0] == tokens[1]
    num_tokens = [prepare_data(each, World()).batches.num_tokens for each in (settings, from_manifest)]
    assert num_tokens == [sum(len(text) for text in TEXTS)] * 2
    step = Trainer._train_step

    def interrupted_step(self: Trainer, *arguments: Any) -> object:
        if self.progress.step == 7:  # in the midst of an epoch
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", interrupted_step)
        with pytest.raises(Interrupted):
            train(settings, tmp_path / "broken")
    assert saved_state(tmp_path / "broken")["progress"]["batch"] > 0
    train(settings, tmp_path / "broken", resume=True)
    one, other = state_of(tmp_path / "whole"), state_of(tmp_path / "broken")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "broken")
    assert len(read_metrics(tmp_path / "broken" / "metrics.jsonl")) == 2


def test_utterances_that_cannot_be_aligned_are_named_and_left_out(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    manifest = write_corpus(tmp_path, "train", ["AB", "CD", "AAAA", "BD"], seed=1)
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    lines[2]["text"] = "A" * 100
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_shards(manifest, tmp_path / "shards", shard_bytes=40_000, progress=lambda *_: None)
    train(settings_for(tmp_path, tmp_path, [f"data.train={tmp_path / 'shards'}"], max_epochs=1), tmp_path / "run")
    said = " ".join(capfd.readouterr().err.split())
    assert "left out, too short for their text: 1 utterances: train2" in said
    assert "199 tokens and repeats" in said
    assert "train 3 utterances" in said


def test_a_folder_that_holds_no_shards_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    from tests.support.small_training import write_conf

    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    conf = write_conf(tmp_path, tmp_path / "conf.yaml")
    message = refusal("train", conf, "--set", f"data.train={tmp_path / 'dev'}", "--run", tmp_path / "run")
    assert message == (f"{tmp_path / 'dev' / 'index.json'}: no such file; `asr shard` makes folders of shards")


# --- memory -----------------------------------------------------------------------------------------------------------
