"""The picture of gradients by time lag: what it measures, and the task it trains on."""

from pathlib import Path

import pytest
import torch

from asr.pictures import save_figure
from asr.recurrent.families import make_recurrence
from asr.recurrent.mingru import MinGRU
from asr.training.diagnosis.gradient_reach import MAX_LAG
from recipes.family import gradient_by_lag as module
from tests.support.recurrences import FAMILIES


def test_norms_by_lag_of_a_recurrence_whose_gradient_is_known() -> None:
    """With zero gates minGRU is h = h' / 2 + n / 2, so the gradient halves with each frame."""
    cell = MinGRU(module.INPUTS, 4, positive_states=False)
    cell.initialise()
    cell.inputs.weight.data[:4] = 0
    cell.inputs.bias.data.zero_()
    norms = module.gradient_by_lag(cell)
    assert len(norms) == MAX_LAG + 1
    assert norms[:20] == pytest.approx([0.5**lag for lag in range(20)], rel=1e-4)


def test_the_sign_of_the_last_marked_frame_is_wanted() -> None:
    torch.manual_seed(0)
    frames, wanted = module.draw_task()
    assert frames.shape == (module.BATCH, module.FRAMES, module.INPUTS)
    for sound, signs in zip(frames, wanted, strict=True):
        now = 0.0
        for frame, sign in zip(sound.tolist(), signs.tolist(), strict=True):
            if frame[1] == 2:
                now = frame[0] / 2
            assert sign == now
    assert set(wanted.flatten().tolist()) == {-1.0, 0.0, 1.0}


def test_the_picture_and_the_training_of_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS", 10)
    cell = make_recurrence(FAMILIES["mingru"], module.INPUTS, module.CELLS)
    cell.initialise()
    assert 0 < module.train_to_remember(cell) <= 1
    curves = {kind: ([1.0, 0.1], [1.0, 0.5]) for kinds in module.FAMILIES.values() for kind in kinds}
    save_figure(tmp_path / "picture.png", module.draw(curves))
    assert (tmp_path / "picture.png").stat().st_size > 10_000
