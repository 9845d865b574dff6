"""Stage 3: frames -> log-probabilities. Convolutional subsampling, a stack of recurrent layers, CTC head."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from asr.features import LogMel
from asr.model_settings import ModelSettings, num_output_frames
from asr.recurrent.bidirectional import Chunking, cut_into_chunks, join_chunks
from asr.recurrent.families import make_bidirectional
from asr.recurrent.recurrence import State
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

    def run_layers_in_chunks(
        self,
        encoded: Float[Tensor, "batch subframes width"],
        num_frames: Int[Tensor, "batch"],
        chunking: Chunking,
    ) -> list[Float[Tensor, "batch subframes width"]]:
        """`run_layers` as a stream computes it, in one go: the result of `encode_chunk` for one chunk after another."""
        chunks, num_in_chunks = cut_into_chunks(encoded, num_frames, chunking)
        outputs = []
        for layer in self.layers:
            chunks = layer(chunks, num_in_chunks, chunking)
            outputs.append(join_chunks(chunks, chunking, encoded.shape[1]))
        return outputs

    def encode_chunk(
        self,
        frames: Float[Tensor, "batch frames mels"],
        num_frames: Int[Tensor, "batch"],
        num_before: Int[Tensor, "batch"],
        num_outputs: Int[Tensor, "batch"],
        *,
        size: int,
        states: Sequence[State],
    ) -> tuple[Float[Tensor, "batch subframes vocab"], list[State]]:
        """A chunk of each of several streams: log-probabilities, and the states of the layers after `size` output
        frames. `frames`, `num_frames` and `num_before` are those of `Subsampling.run_chunk`; of the output frames,
        `num_outputs` are used, those beyond `size` as right context (`Bidirectional.run_chunks`).
        """
        encoded = self.subsampling.run_chunk(frames, num_frames, num_before)[:, : int(num_outputs.max())]
        states_after = []
        for layer, before in zip(self.layers, states, strict=True):
            encoded, after = layer.run_chunk(encoded, num_outputs, size, before)  # type: ignore[operator]
            states_after.append(after)
        return self.log_probs(encoded), states_after

    def start_states(self, batch: int) -> list[State]:
        """The states of the layers before the first chunk of `batch` streams."""
        return [layer.start_state(batch) for layer in self.layers]  # type: ignore[operator]

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
    ignores what is beyond `num_frames`, has an `output_size`, and can do the same in chunks; today a bidirectional
    recurrence.
    """

    def __init__(self, body: nn.Module, input_size: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(input_size)
        self.dropout = nn.Dropout(dropout)
        self.body = body
        self.output_size: int = body.output_size  # type: ignore[assignment]  # nn.Module's attributes have no types

    def forward(
        self,
        frames: Float[Tensor, "batch *chunks frames inputs"],
        num_frames: Int[Tensor, "batch *chunks"],
        chunking: Chunking | None = None,
    ) -> Float[Tensor, "batch *chunks frames outputs"]:
        """Of whole utterances, or, with `chunking`, of utterances that are cut into chunks."""
        inputs = self.dropout(self.norm(frames))
        if chunking is not None:
            return self.body.run_chunks(inputs, num_frames, chunking.size)[0]  # type: ignore[operator,no-any-return]
        output: Tensor = self.body(inputs, num_frames)
        return output

    def run_chunk(
        self,
        frames: Float[Tensor, "batch frames inputs"],
        num_frames: Int[Tensor, "batch"],
        size: int,
        state: State,
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        """One chunk of each of several streams, from the state of the chunk before (`Bidirectional.run_chunks`)."""
        inputs = self.dropout(self.norm(frames))[:, None]
        output, after = self.body.run_chunks(inputs, num_frames[:, None], size, state)  # type: ignore[operator]
        return output[:, 0], after

    def start_state(self, batch: int) -> State:
        """The state before the first chunk of `batch` streams."""
        found: State = self.body.start_state(batch)  # type: ignore[operator]
        return found
