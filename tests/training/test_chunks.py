"""Training in chunks: what is drawn, and that the loss is that of the network as a stream runs it."""

from pathlib import Path

import pytest
import torch

from asr.corpus.augment import AugmentSettings
from asr.corpus.collate import Batch
from asr.ctc_loss import ctc_losses
from asr.errors import SettingsError
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.recurrent.bidirectional import Chunking
from asr.training.loss import LossSettings, draw_chunking, training_losses
from asr.training.settings import ChunkTrainingSettings, ExperimentSettings
from asr.training.train import train
from tests.support.small_training import settings_for, weights_of, write_small_corpus

NO_CHANGE = AugmentSettings(speeds=(), noise_share=0.0, num_band_masks=0, num_time_masks=0)


def two_waveforms() -> torch.Tensor:
    waveforms = 0.1 * torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))
    waveforms[1, 9000:] = 0
    return waveforms


def losses(model: AcousticModel, chunks: ChunkTrainingSettings | None) -> torch.Tensor:
    batch = Batch(
        two_waveforms(), torch.tensor([16_000, 9000]), torch.tensor([2, 3, 4]), torch.tensor([2, 1]), ("a", "b")
    )
    settings = LossSettings(NO_CHANGE, 0.3, torch.float32, chunks)
    return training_losses(model, batch, settings, torch.Generator().manual_seed(3))


def test_the_loss_of_a_batch_in_chunks_is_that_of_the_stream() -> None:
    torch.manual_seed(1)
    settings = ModelSettings(conv_channels=4, hidden_size=8, num_layers=3)
    model = AcousticModel(settings, vocab_size=6, sample_rate=16_000).eval()
    offline = losses(model, None)
    # 0.2 s are 5 output frames of 40 ms, 0.12 s are 3.
    found = losses(model, ChunkTrainingSettings(share=1, size=(0.2, 0.2), lookahead=(0.12, 0.12)))
    for row, n, targets, loss in zip(two_waveforms(), (16_000, 9000), ([2, 3], [4]), found, strict=True):
        encoded, counts = model.subsampling(*model.features(row[None, :n], torch.tensor([n])))
        _, middle, last = model.run_layers_in_chunks(encoded, counts, Chunking(5, 3))
        lengths = counts, torch.tensor(targets), torch.tensor([len(targets)])
        of_last, of_middle = (ctc_losses(model.log_probs(each), *lengths)[0] for each in (last, middle))
        torch.testing.assert_close(loss, 0.7 * of_last + 0.3 * of_middle)
    assert (found - offline).abs().max() > 1e-3
    whole = losses(model, ChunkTrainingSettings(share=1, size=(2, 2), lookahead=(0, 0)))
    torch.testing.assert_close(whole, offline, rtol=0, atol=1e-5)
    assert torch.equal(losses(model, ChunkTrainingSettings(share=0)), offline)


def test_sizes_are_drawn_evenly_from_their_ranges() -> None:
    settings = ChunkTrainingSettings(share=0.4, size=(0.2, 0.6), lookahead=(0.0, 1.0))
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_chunking(settings, 0.04, generator) for _ in range(4000)]
    chosen = [chunking for chunking in drawn if chunking is not None]
    assert len(chosen) / len(drawn) == pytest.approx(0.4, abs=0.03)
    assert {chunking.size for chunking in chosen} == set(range(5, 16))
    assert {chunking.lookahead for chunking in chosen} == set(range(26))
    assert sum(chunking.size for chunking in chosen) / len(chosen) == pytest.approx(10, abs=0.3)
    tiny = ChunkTrainingSettings(share=1, size=(0.0, 0.0), lookahead=(0.0, 0.0))
    assert draw_chunking(tiny, 0.04, generator) == Chunking(1, 0)


def test_without_the_setting_nothing_is_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert draw_chunking(None, 0.04, generator) is None
    assert torch.equal(generator.get_state(), before)


def test_a_training_in_chunks_is_another_training_and_a_repeatable_one(tmp_path: Path) -> None:
    corpus = write_small_corpus(tmp_path)
    runs = []
    for number, chunks in enumerate([None, *2 * [{"share": 1.0, "size": [0.1, 0.4], "lookahead": [0.0, 0.2]}]]):
        run = tmp_path / str(number)
        train(settings_for(corpus, tmp_path, chunks=chunks, max_epochs=1), run)
        runs.append(weights_of(run))
    assert runs[1] == runs[2] != runs[0]


def test_a_range_the_wrong_way_round_is_refused() -> None:
    values = {"data": {"train": "a", "dev": "b"}, "training": {"chunks": {"lookahead": [1.0, 0.5]}}}
    with pytest.raises(SettingsError, match=r"training.chunks.lookahead: .*first number has to be the smaller"):
        ExperimentSettings.parse(values, source="a.yaml")
