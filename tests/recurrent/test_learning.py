"""Every family learns: a small network comes to write three utterances by heart."""

import pytest
import torch

from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from tests.support.recurrences import FAMILIES

TOKENS, LENGTHS = [[1, 2, 3, 1], [3, 3, 2], [2, 1]], [60, 44, 37]


@pytest.mark.parametrize("name", FAMILIES)
def test_three_utterances_are_learnt_by_heart(name: str) -> None:
    torch.manual_seed(0)
    small = {"conv_channels": 4, "hidden_size": 16, "num_layers": 1, "dropout": 0.0}
    settings = ModelSettings.parse({**small, "recurrence": FAMILIES[name].model_dump()}, source="")
    model = AcousticModel(settings, vocab_size=4, sample_rate=16_000)
    frames, num_frames = torch.randn(3, 60, 80), torch.tensor(LENGTHS)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        log_probs, counts = model.encode(frames, num_frames)
        loss = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1),
            torch.tensor([token for tokens in TOKENS for token in tokens]),
            counts,
            torch.tensor([4, 3, 2]),
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    for rows, count, expected in zip(model.encode(frames, num_frames)[0], counts.tolist(), TOKENS, strict=True):
        best = rows[:count].argmax(dim=1).unique_consecutive().tolist()
        assert [token for token in best if token] == expected
