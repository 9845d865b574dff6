"""Stage 3: frames -> log-probabilities. Convolutional subsampling, stacked bidirectional LSTM, CTC head."""

from typing import Any, Literal

from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor, nn

from asr.features import FeatureSettings, LogMel, frame_mask
from asr.recurrent.lstm import BidirectionalLSTM
from asr.settings import Settings

MAX_WEIGHTS = 10**10  # 40 GB; the largest published BLSTMs have a few hundred million
STRIDES = {2: (2, 1), 3: (3, 1), 4: (2, 2), 8: (2, 2, 2)}  # strides over time of the convolutions, by subsampling


class ModelSettings(Settings):
    """Size of the network."""

    features: FeatureSettings = FeatureSettings()
    """The log-mel frames that it hears."""
    subsampling: Literal[2, 3, 4, 8] = 4
    """Feature frames per output frame."""
    conv_channels: int = Field(32, ge=1, le=4096)
    """Channels of the convolutions that subsample."""
    num_layers: int = Field(3, ge=1, le=100)
    """Bidirectional LSTM layers."""
    hidden_size: int = Field(256, ge=1, le=16_384)
    """Cells of each layer in each direction."""
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
        """Of the LSTMs, in all layers and both directions: most of the model."""
        size = self.hidden_size
        return self.num_layers * 2 * 4 * size * (2 * size + size + 2)


def settings_of_format_1(values: Any) -> Any:
    """Model settings written out in full before there was `features.mean_over`, in today's keys; others as they are."""
    if not isinstance(values, dict) or not isinstance(features := values.get("features", {}), dict):
        return values  # and refused by who checks them
    return {**values, "features": {"mean_over": "utterance", **features}}


class AcousticModel(nn.Module):
    """Waveforms in, natural-log probabilities of tokens out, always, in training and in evaluation."""

    def __init__(self, settings: ModelSettings, *, vocab_size: int, sample_rate: int) -> None:
        super().__init__()
        self.settings = settings
        self.features = LogMel(settings.features, sample_rate)
        self.subsampling = Subsampling(settings)
        self.layers = nn.ModuleList(_RecurrentLayer(settings) for _ in range(settings.num_layers))
        self.norm = nn.LayerNorm(2 * settings.hidden_size)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(2 * settings.hidden_size, vocab_size)
        # Logits of variance one at the start: with the small outputs of a fresh LSTM, and torch's own small weights,
        # CTC stays on blanks three times as long (docs/log.md, 2026-11-23).
        nn.init.normal_(self.head.weight, std=(2 * settings.hidden_size) ** -0.5)
        self.sample_rate = sample_rate
        self.seconds_per_frame = self.features.hop * settings.subsampling / sample_rate

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], num_samples: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch frames vocab"], Int[Tensor, "batch"]]:
        """Waveforms at the model's rate, zero beyond `num_samples` -> log-probabilities and numbers of frames."""
        return self.encode(*self.features(waveforms, num_samples))

    def encode(
        self, frames: Float[Tensor, "batch frames mels"], num_frames: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch subframes vocab"], Int[Tensor, "batch"]]:
        """Log-mel frames -> log-probabilities (float32; each row sums to one) and numbers of subsampled frames."""
        outputs, num_frames = self.layer_outputs(frames, num_frames)
        return self.log_probs(outputs[-1]), num_frames

    def layer_outputs(
        self, frames: Float[Tensor, "batch frames mels"], num_frames: Int[Tensor, "batch"]
    ) -> tuple[list[Float[Tensor, "batch subframes width"]], Int[Tensor, "batch"]]:
        """Log-mel frames -> the output of each recurrent layer, first to last, and numbers of subsampled frames."""
        encoded, num_frames = self.subsampling(frames, num_frames)
        outputs = []
        for layer in self.layers:
            encoded = layer(encoded, num_frames)
            outputs.append(encoded)
        return outputs, num_frames

    def log_probs(self, encoded: Float[Tensor, "batch subframes width"]) -> Float[Tensor, "batch subframes vocab"]:
        """The CTC head: output of a recurrent layer -> log-probabilities, in float32."""
        logits: Tensor = self.head(self.dropout(self.norm(encoded)))
        return logits.float().log_softmax(dim=-1)

    def num_output_frames(self, num_samples: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        """How many rows of log-probabilities come out for so many samples."""
        return self.subsampling.num_frames(self.features.num_frames(num_samples))


class Subsampling(nn.Module):
    """3x3 convolutions that leave one of every 2, 3, 4 or 8 frames, then a projection to the width of the stack.

    Padding is set to zero before each convolution, as if the utterance were alone.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.strides = STRIDES[settings.subsampling]
        width = settings.conv_channels
        num_bands = settings.features.num_mels
        self.convolutions = nn.ModuleList()
        for index, stride in enumerate(self.strides):
            # A kernel of 5 over time where the stride is 3, so that neighbouring windows overlap.
            time = 5 if stride == 3 else 3
            convolution = nn.Conv2d(
                1 if index == 0 else width, width, (time, 3), stride=(stride, 2), padding=(time // 2, 1)
            )
            self.convolutions.append(convolution)
            num_bands = (num_bands + 1) // 2
        self.projection = nn.Linear(width * num_bands, 2 * settings.hidden_size)

    def num_frames(self, num_frames: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        for stride in self.strides:
            num_frames = (num_frames + stride - 1) // stride
        return num_frames

    def forward(
        self, frames: Float[Tensor, "batch frames mels"], num_frames: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch subframes width"], Int[Tensor, "batch"]]:
        maps = frames[:, None]
        for convolution, stride in zip(self.convolutions, self.strides, strict=True):
            maps = maps * frame_mask(num_frames, maps.shape[2])[:, None, :, None]
            maps = nn.functional.relu(convolution(maps))
            num_frames = (num_frames + stride - 1) // stride
        return self.projection(maps.transpose(1, 2).flatten(2)), num_frames


class _RecurrentLayer(nn.Module):
    """Normalise, drop out, recur."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width = 2 * settings.hidden_size
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(settings.dropout)
        self.recurrence = BidirectionalLSTM(width, settings.hidden_size)

    def forward(
        self, frames: Float[Tensor, "batch frames width"], num_frames: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch frames width"]:
        output: Tensor = self.recurrence(self.dropout(self.norm(frames)), num_frames)
        return output
