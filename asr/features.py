"""Stage 2: waveform -> log-mel frames. A module, so that it travels with the weights and runs on the model's device."""

import threading

import torch
import torchaudio
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from asr.model_settings import FeatureSettings, num_feature_frames
from asr.normalisation import DECIBELS, FLOOR, LIMIT, SCALE, first_speech_band, num_loudest
from asr.speech_mean import FULL_DECIBELS, NO_DECIBELS

_swapping_buffers = threading.Lock()  # `functional_call` puts them into the module for a moment: one thread at a time


class LogMel(nn.Module):
    """Log-mel spectrogram (HTK mel scale, Hann window), each band brought to mean 0 over the speech of the utterance.

    Subtracting the mean is cepstral mean normalisation (Atal 1974; CMVN without the variance) in another basis: it
    removes the channel and the level. Frames beyond an utterance's end are zero and have no influence.
    """

    def __init__(self, settings: FeatureSettings, sample_rate: int) -> None:
        super().__init__()
        self.settings = settings
        self.sample_rate = sample_rate
        self.hop = settings.hop(sample_rate)
        window = round(sample_rate * settings.window_ms / 1000)
        self.num_loudest = num_loudest(settings, sample_rate)
        self.first_speech_band = first_speech_band(settings)
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

    def forward(
        self,
        waveforms: Float[Tensor, "batch samples"],
        num_samples: Int[Tensor, "batch"],
        *,
        dtype: torch.dtype = torch.float32,
    ) -> tuple[Float[Tensor, "batch frames mels"], Int[Tensor, "batch"]]:
        """Waveforms in [-1, 1], zero beyond `num_samples` -> normalised log-mel frames, in float32 but computed in
        `dtype`, and their numbers.
        """
        with torch.autocast(waveforms.device.type, enabled=False):
            frames = self.log_mel(waveforms.to(dtype))
            num_frames = num_feature_frames(self.settings, num_samples, self.sample_rate)
            return self._normalise(frames, frame_mask(num_frames, frames.shape[1])).float(), num_frames

    def _normalise(
        self, frames: Float[Tensor, "batch frames mels"], mask: Bool[Tensor, "batch frames"]
    ) -> Float[Tensor, "batch frames mels"]:
        if self.settings.mean_over == "utterance":  # as models of format 1 were trained
            return normalise(frames, mask, mask.to(frames.dtype))
        levels = torch.logsumexp(frames[:, :, self.first_speech_band :], dim=2) * DECIBELS
        weights = speech_weights(levels, mask, num_loudest=self.num_loudest)
        return normalise(frames, mask, weights).clamp(-LIMIT, LIMIT)

    def log_mel(self, waveforms: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch frames mels"]:
        """Natural logarithm of the mel power spectrum, before normalisation, computed in the type of `waveforms`.

        In float32 the bands far from a loud tone are as exact as the transform's rounding of the tone: to 4e-3, and
        otherwise on each library and device. In float64 all agree.
        """
        buffers = {name: buffer.to(waveforms.dtype) for name, buffer in self.mel.named_buffers()}
        with _swapping_buffers:
            power: Tensor = torch.func.functional_call(self.mel, buffers, waveforms)
        return torch.log(power + FLOOR).transpose(1, 2)


def frame_mask(num_frames: Int[Tensor, "batch"], max_frames: int) -> Bool[Tensor, "batch frames"]:
    """True where a frame belongs to its utterance, False where it is padding."""
    return torch.arange(max_frames, device=num_frames.device) < num_frames[:, None]


def speech_weights(
    levels: Float[Tensor, "batch frames"], mask: Bool[Tensor, "batch frames"], *, num_loudest: int
) -> Float[Tensor, "batch frames"]:
    """How much each frame counts in the mean of its utterance: 1 for speech, 0 for pauses and outside of `mask`.

    `levels`: power of the frames in decibels. They are measured against the quietest of the `num_loudest` loudest
    frames, which neither a click nor any length of silence moves. Between whole decibels the weight is linear, so that
    a stream that keeps one sum of frames per decibel finds the same mean.
    """
    num_loud = mask.sum(dim=1, keepdim=True).clamp(max=num_loudest)
    loudest = nn.functional.pad(levels.masked_fill(~mask, -torch.inf), (0, num_loudest), value=-torch.inf)
    reference = loudest.topk(num_loudest).values.gather(1, num_loud - 1)
    below = levels.floor()
    weights = torch.lerp(_weight(reference - below), _weight(reference - below - 1), levels - below)
    return weights * mask


def _weight(decibels_below: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    return ((NO_DECIBELS - decibels_below) / (NO_DECIBELS - FULL_DECIBELS)).clamp(0, 1)


def normalise(
    frames: Float[Tensor, "batch frames mels"],
    mask: Bool[Tensor, "batch frames"],
    weights: Float[Tensor, "batch frames"],
) -> Float[Tensor, "batch frames mels"]:
    """Weighted mean 0 for each utterance and band, and about unit size; zero outside of `mask`.

    The scale is a constant. Dividing by the standard deviation of each band would amplify the noise of quiet recordings
    and of short words to the size of speech, and AN4 was learnt more slowly (docs/log.md, 2026-11-23).
    """
    each = weights[:, :, None]
    mean = (frames * each).sum(dim=1, keepdim=True) / each.sum(dim=1, keepdim=True)
    return (frames - mean) * mask[:, :, None] / SCALE
