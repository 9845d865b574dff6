"""Stage 2: waveform -> log-mel frames. A module, so that it travels with the weights and runs on the model's device."""

import torch
import torchaudio
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from asr.settings import Settings

_FLOOR = 2.0**-24  # below the quantisation noise of 16 bit; keeps the logarithm of silence finite
_SCALE = 3.0  # the usual standard deviation of log-mel power in speech, in natural-log units


class FeatureSettings(Settings):
    """The filter bank: number of mel bands, window and hop in milliseconds, lowest and highest frequency in Hz."""

    num_mels: int = Field(80, ge=8, le=256)
    window_ms: float = Field(25.0, ge=1, le=100)
    hop_ms: float = Field(10.0, ge=1, le=100)
    min_frequency: float = Field(20.0, ge=0)
    max_frequency: float = Field(8000.0, gt=0, le=8000)

    @model_validator(mode="after")
    def _refuse_empty_range(self) -> "FeatureSettings":
        if self.min_frequency >= self.max_frequency:
            raise ValueError("min_frequency has to be below max_frequency")
        return self


class LogMel(nn.Module):
    """Log-mel spectrogram (HTK mel scale, Hann window), each band brought to mean 0 over the utterance.

    Taking the mean away is cepstral mean normalisation (Atal 1974) in another basis: it removes the channel and the
    level. Frames beyond an utterance's end are zero and have no influence.
    """

    def __init__(self, settings: FeatureSettings, sample_rate: int) -> None:
        super().__init__()
        self.hop = round(sample_rate * settings.hop_ms / 1000)
        window = round(sample_rate * settings.window_ms / 1000)
        self.mel = torchaudio.transforms.MelSpectrogram(
            sample_rate,
            n_fft=max(512, 1 << (window - 1).bit_length()),
            win_length=window,
            hop_length=self.hop,
            f_min=settings.min_frequency,
            f_max=settings.max_frequency,
            n_mels=settings.num_mels,
            # Zeros around the signal, not its mirror image: then padding in a batch and the end of a file are the same.
            pad_mode="constant",
            norm=None,
            mel_scale="htk",
        )

    def num_frames(self, num_samples: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        """One frame each hop, the first centred on the first sample."""
        return num_samples // self.hop + 1

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], num_samples: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch frames mels"], Int[Tensor, "batch"]]:
        """Waveforms in [-1, 1], zero beyond `num_samples` -> normalised log-mel frames and their numbers."""
        with torch.autocast(waveforms.device.type, enabled=False):
            frames = self.log_mel(waveforms.float())
            num_frames = self.num_frames(num_samples)
            return normalise(frames, frame_mask(num_frames, frames.shape[1])), num_frames

    def log_mel(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames mels"]:
        """Natural logarithm of the mel power spectrum, before normalisation."""
        power: Tensor = self.mel(waveforms)
        return torch.log(power + _FLOOR).transpose(1, 2)


def frame_mask(num_frames: Int[Tensor, "batch"], max_frames: int) -> Bool[Tensor, "batch frames"]:
    """True where a frame belongs to its utterance, False where it is padding."""
    return torch.arange(max_frames, device=num_frames.device) < num_frames[:, None]


def normalise(
    frames: Float[Tensor, "batch frames mels"], mask: Bool[Tensor, "batch frames"]
) -> Float[Tensor, "batch frames mels"]:
    """Mean 0 for each utterance and band over the frames in `mask`, and about unit size; zero elsewhere.

    The scale is a constant. Dividing by the variance of each band would blow up the noise of quiet recordings and of
    short words to the size of speech, and AN4 was learnt more slowly (docs/log.md, 2026-11-23).
    """
    inside = mask[:, :, None].to(frames.dtype)
    mean = (frames * inside).sum(dim=1, keepdim=True) / inside.sum(dim=1, keepdim=True)
    return (frames - mean) * inside / _SCALE
