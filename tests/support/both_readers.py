"""A sound file by both ways of reading: whole, and in blocks as one of hours is read."""

from pathlib import Path

import numpy as np
import pytest

from asr.audio import load_audio, read_blocks
from asr.decoders import stream
from asr.errors import AudioError

_FEW_VALUES = 1009  # that are decoded at once, so that a short file comes in many pieces


def usable(path: Path) -> bool:
    """Whether a file can be read. Both ways agree on that, to the sample; what comes out is a waveform, and anything
    but an AudioError of one line is a failure.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "_BLOCK_VALUES", _FEW_VALUES)
        try:
            blocks = list(read_blocks(path, 0.0101))
        except AudioError as error:
            refuses_too(path, error)
            return False
    waveform = load_audio(path)
    np.testing.assert_array_equal(np.concatenate(blocks), waveform)
    assert len(waveform) > 0
    assert np.isfinite(waveform).all()
    assert float(np.abs(waveform).max()) <= 1.0
    return True


def refuses_too(path: Path, error: AudioError) -> None:
    """The whole is refused for the same reason."""
    assert "\n" not in str(error)
    with pytest.raises(type(error)) as whole:
        load_audio(path)
    if "too short" in str(error):  # the whole also counts the samples
        assert "too short" in str(whole.value)
    else:
        assert str(whole.value) == str(error)
