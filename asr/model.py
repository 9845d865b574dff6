"""Stage 3: frames -> log-probabilities. Convolutional subsampling, a stack of recurrent layers, CTC head."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from asr.features import LogMel
from asr.model_settings import ModelSettings, num_output_frames
from asr.recurrent.families import make_bidirectional
from asr.subsampling import Subsampling


class AcousticModel(nn.Module):
    """Waveforms in, natural-log probabilities of tokens out, always, in training and in evaluation."""

    def __init__(self, settings: ModelSettings, *, vocab_size: int, sample_rate: int) -> None:
        super().__init__()
        self.settings = settings
        self.features = LogMel(settings.features, sample_rate)
        self.subsampling = Subsampling(settings)
        self.layers = nn.ModuleList()
        size = self.subsampling.output_size
        for _ in range(settings.num_layers):
            layer = Layer(make_bidirectional(settings.recurrence, size, settings.hidden_size), size, settings.dropout)
            self.layers.append(layer)
            size = layer.output_size
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(size, vocab_size)
        # Logits of variance one at the start: with the small outputs of a fresh LSTM, and torch's own small weights,
        # CTC stays on blanks three times as long (docs/log.md, 2026-11-23).
        nn.init.normal_(self.head.weight, std=size**-0.5)
        self.sample_rate = sample_rate
        self.seconds_per_frame = self.features.hop * settings.subsampling / sample_rate

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.norm.weight.device

    @property
    def vocab_size(self) -> int:
        """Columns of the log-probabilities."""
        return self.head.out_features

    def forward(
        self, waveforms: Float[Tensor, "batch samples"], num_samples: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch frames vocab"], Int[Tensor, "batch"]]:
        """Waveforms at the model's rate, zero beyond `num_samples` -> log-probabilities and numbers of frames."""
        return self.encode(*self.features(waveforms, num_samples))

    def encode(
        self, frames: Float[Tensor, "batch frames mels"], num_frames: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch subframes vocab"], Int[Tensor, "batch"]]:
        """Log-mel frames -> log-probabilities (float32; each row sums to one) and numbers of subsampled frames."""
        encoded, num_frames = self.subsampling(frames, num_frames)
        return self.log_probs(self.run_layers(encoded, num_frames)[-1]), num_frames

    def run_layers(
        self, encoded: Float[Tensor, "batch subframes width"], num_frames: Int[Tensor, "batch"]
    ) -> list[Float[Tensor, "batch subframes width"]]:
        """Subsampled frames -> the output of each layer of the stack, first to last."""
        outputs = []
        for layer in self.layers:
            encoded = layer(encoded, num_frames)
            outputs.append(encoded)
        return outputs

    def log_probs(self, encoded: Float[Tensor, "batch subframes width"]) -> Float[Tensor, "batch subframes vocab"]:
        """The CTC head: output of a layer of the stack -> log-probabilities, in float32."""
        logits: Tensor = self.head(self.dropout(self.norm(encoded)))
        return logits.float().log_softmax(dim=-1)

    def num_output_frames(self, num_samples: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        """How many rows of log-probabilities `num_samples` samples give."""
        return num_output_frames(self.settings, num_samples, self.sample_rate)

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """The parts of the network with their names, from input to output."""
        yield "features", self.features
        yield "subsampling", self.subsampling
        for number, layer in enumerate(self.layers):
            yield f"layers.{number}", layer
        yield "norm", self.norm
        yield "head", self.head


class Layer(nn.Module):
    """Layer normalisation, dropout, then the body: any module that takes (frames, num_frames), returns as many frames,
    ignores what is beyond `num_frames`, and has an `output_size`; today a bidirectional recurrence.
    """

    def __init__(self, body: nn.Module, input_size: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(input_size)
        self.dropout = nn.Dropout(dropout)
        self.body = body
        self.output_size: int = body.output_size  # type: ignore[assignment]  # nn.Module's attributes have no types

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], num_frames: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch frames outputs"]:
        output: Tensor = self.body(self.dropout(self.norm(frames)), num_frames)
        return output
