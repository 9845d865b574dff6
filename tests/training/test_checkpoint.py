"""The states of a training on disk: which are kept, and which is loaded when one is damaged."""

from pathlib import Path
from typing import Any

import torch

from asr.training.run.checkpoint import Checkpoints


def test_the_state_that_was_written_last_is_kept_whatever_lies_beside_it(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 4):
        checkpoints.save(step, {"step": step})
    (tmp_path / "checkpoints" / "step-00000004.pt").write_bytes(b"damaged")
    once = Checkpoints(tmp_path, keep=1)
    once.save(3, once.load(lambda warning: None)[1])
    assert [path.name for path in once.paths()] == ["step-00000003.pt"]


def test_a_flipped_bit_is_noticed_wherever_it_matters(tmp_path: Path) -> None:
    """In each part of the file: what is loaded is what was saved, or the checkpoint before it."""
    checkpoints = Checkpoints(tmp_path)
    state: dict[str, Any] = {"weights": torch.arange(40.0), "step": 2, "name": "x"}
    checkpoints.save(1, {"step": 1})
    checkpoints.save(2, state)
    newest = checkpoints.paths()[-1]
    content, noticed = newest.read_bytes(), 0
    said: list[str] = []
    for place in range(0, len(content), 5):
        newest.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :])
        _, found = checkpoints.load(said.append)
        if found["step"] == 1:
            noticed += 1
        else:
            assert torch.equal(found["weights"], state["weights"])
            assert found["name"] == "x"
    assert noticed == len(said) > 100
    assert any("damaged (its checksum is wrong, in " in text for text in said)
