"""Settings of the network, and how many frames it makes of a sound. Free of torch."""

from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

from asr.recurrent.settings import LSTMSettings, RecurrenceSettings
from asr.settings import Settings

MAX_WEIGHTS = 10**10  # 40 GB; the largest published BLSTMs have a few hundred million
STRIDES = {2: (2, 1), 3: (3, 1), 4: (2, 2), 8: (2, 2, 2)}  # strides over time of the convolutions, by subsampling
KERNELS = {1: 3, 2: 3, 3: 5}  # over time, by stride: 5 where it is 3, so that neighbouring windows overlap

Count = TypeVar("Count")  # an int, an array or a tensor of integers


class FeatureSettings(Settings):
    """The filter bank."""

    num_mels: int = Field(80, ge=8, le=256)
    """Number of mel bands."""
    window_ms: float = Field(25.0, ge=1, le=100)
    """Length of a window, in milliseconds."""
    hop_ms: float = Field(10.0, ge=1, le=100)
    """From one frame to the next (hop), in milliseconds."""
    min_frequency: float = Field(20.0, ge=0, le=8000)
    """Lower edge of the lowest band, in Hz."""
    max_frequency: float = Field(8000.0, gt=0, le=8000)
    """Upper edge of the highest band, in Hz; above `min_frequency`."""
    mean_over: Literal["speech", "utterance"] = "speech"
    """The frames whose mean is subtracted from each band: those of speech, or all of the utterance."""

    def hop(self, sample_rate: int) -> int:
        """From one frame to the next, in samples."""
        return round(sample_rate * self.hop_ms / 1000)

    @model_validator(mode="after")
    def _refuse_empty_range(self) -> "FeatureSettings":
        if self.min_frequency >= self.max_frequency:
            raise ValueError("min_frequency has to be below max_frequency")
        return self


class ModelSettings(Settings):
    """Size of the network."""

    features: FeatureSettings = FeatureSettings()
    """The log-mel frames that the network is given."""
    subsampling: Literal[2, 3, 4, 8] = 4
    """Feature frames per output frame."""
    conv_channels: int = Field(32, ge=1, le=4096)
    """Channels of the convolutions that subsample."""
    recurrence: RecurrenceSettings = LSTMSettings()
    """The recurrence of the layers."""
    num_layers: int = Field(3, ge=1, le=100)
    """Bidirectional recurrent layers."""
    hidden_size: int = Field(256, ge=1, le=16_384)
    """Outputs of each layer in each direction."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Share of the values that training sets to zero before each layer and the output."""

    @model_validator(mode="after")
    def _refuse_what_no_machine_holds(self) -> "ModelSettings":
        if self.num_recurrent_weights > MAX_WEIGHTS:
            found = f"num_layers and hidden_size make {self.num_recurrent_weights:,} weights"
            raise ValueError(f"{found}, expected at most {MAX_WEIGHTS:,}")
        return self

    @property
    def num_recurrent_weights(self) -> int:
        """Of the recurrences, in all layers and both directions: most of the model."""
        return self.num_layers * 2 * self.recurrence.num_weights(2 * self.hidden_size, self.hidden_size)


def num_feature_frames(settings: FeatureSettings, num_samples: Any, sample_rate: int) -> Any:
    """How many log-mel frames `num_samples` samples give: one per hop, the first centred on the first sample."""
    return num_samples // settings.hop(sample_rate) + 1


def num_subsampled_frames(subsampling: int, num_frames: Any) -> Any:
    """How many of `num_frames` frames the subsampling convolutions leave."""
    for stride in STRIDES[subsampling]:
        num_frames = (num_frames + stride - 1) // stride
    return num_frames


def frames_before(subsampling: int) -> int:
    """How many feature frames before a chunk the subsampling convolutions need, rounded up to whole output frames."""
    return -(-_reach(subsampling) // subsampling) * subsampling


def frames_for(subsampling: int, num_outputs: int) -> int:
    """How many feature frames give `num_outputs` output frames, the last of them as if more frames followed."""
    return (num_outputs - 1) * subsampling + 1 + _reach(subsampling)


def num_complete_frames(subsampling: int, num_frames: int) -> int:
    """How many output frames `num_frames` feature frames give that no later frame changes."""
    return max(0, (num_frames - 1 - _reach(subsampling)) // subsampling + 1)


def _reach(subsampling: int) -> int:
    """How many feature frames before, and after, the one that it is centred on an output frame depends on."""
    reach, step = 0, 1
    for stride in STRIDES[subsampling]:
        reach += KERNELS[stride] // 2 * step
        step *= stride
    return reach


def num_output_frames(settings: ModelSettings, num_samples: Count, sample_rate: int) -> Count:
    """How many rows of log-probabilities `num_samples` samples give: a number, or an array or tensor of numbers."""
    num_frames = num_feature_frames(settings.features, num_samples, sample_rate)
    found: Count = num_subsampled_frames(settings.subsampling, num_frames)
    return found


def settings_of_format_1(values: Any) -> Any:
    """Full model settings from before `features.mean_over` existed, in today's keys; others as they are."""
    if not isinstance(values, dict) or not isinstance(features := values.get("features", {}), dict):
        return values  # the caller checks and refuses them
    return {**values, "features": {"mean_over": "utterance", **features}}
