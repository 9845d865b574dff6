"""The tagger in PyTorch, for training: it computes what `asr/text/tagger.py` computes."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from asr.settings import Settings
from asr.text.letters import letter_buckets
from asr.text.tagger import NUM_OUTPUTS, Direction, Tagger, TaggerSettings


class NetworkSettings(Settings):
    """Size of the tagger."""

    vocabulary_size: int = Field(16384, gt=0, le=10**6)
    """Most frequent words, which have vectors of their own."""
    num_buckets: int = Field(8192, gt=0, le=10**7)
    """Vectors for sequences of letters."""
    vector_size: int = Field(64, gt=0, le=4096)
    """Numbers for a word."""
    hidden_size: int = Field(128, gt=0, le=4096)
    """LSTM cells of each direction and layer."""
    num_layers: int = Field(2, gt=0, le=8)
    """Bidirectional layers."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Of vectors, and of the outputs of each layer."""


class Letters:
    """The letter buckets of many words, ready for batches."""

    def __init__(self, words: Sequence[str], num_buckets: int) -> None:
        buckets = [letter_buckets(word, num_buckets) for word in words]
        self._lengths = np.array([len(one) for one in buckets])
        self._starts = np.concatenate([[0], np.cumsum(self._lengths)])
        self._buckets = np.array([bucket for one in buckets for bucket in one])

    def bags(self, words: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Buckets of these words, joined, and where each word begins, as `nn.EmbeddingBag` takes them."""
        lengths = self._lengths[words]
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) + np.repeat(self._starts[words] - (ends - lengths), lengths)
        return torch.from_numpy(self._buckets[places]), torch.from_numpy(ends - lengths)


class TaggerNetwork(nn.Module):
    """Words -> scores of marks and cases."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        size, hidden = settings.vector_size, settings.hidden_size
        self.words = nn.Embedding(settings.vocabulary_size + 1, size, padding_idx=settings.vocabulary_size)
        self.letters = nn.EmbeddingBag(settings.num_buckets, size, mode="mean")
        for table in (self.words, self.letters):
            nn.init.normal_(table.weight, std=0.5)
        with torch.no_grad():
            self.words.weight[-1] = 0  # of words without a vector
        self.dropout = nn.Dropout(settings.dropout)
        between = settings.dropout if settings.num_layers > 1 else 0.0  # of nn.LSTM: between layers only
        self.lstm = nn.LSTM(size, hidden, settings.num_layers, batch_first=True, bidirectional=True, dropout=between)
        self.output = nn.Linear(2 * hidden, NUM_OUTPUTS)

    def forward(
        self,
        places: Int[Tensor, "kinds"],
        buckets: Int[Tensor, "_"],
        offsets: Int[Tensor, "kinds"],
        kinds: Int[Tensor, "batch time"],
    ) -> Float[Tensor, "batch time 8"]:
        """The scores of windows of words. `kinds`: for each word its number among the different words of the batch;
        of these, `places` in the vocabulary (its size: not in it), and letters by `buckets` and `offsets`.
        """
        vectors = self.words(places) + self.letters(buckets, offsets)
        hidden, _ = self.lstm(self.dropout(vectors[kinds]))
        scores: Tensor = self.output(self.dropout(hidden))
        return scores

    def tagger(self, vocabulary: Sequence[str], mixed: Mapping[str, str], settings: TaggerSettings) -> Tagger:
        """The same network for use."""

        def array(tensor: Tensor) -> npt.NDArray[np.float32]:
            return tensor.detach().float().numpy().copy()

        def direction(suffix: str) -> Direction:
            inputs, recurrent = (getattr(self.lstm, f"weight_{kind}_{suffix}") for kind in ("ih", "hh"))
            bias = getattr(self.lstm, f"bias_ih_{suffix}") + getattr(self.lstm, f"bias_hh_{suffix}")
            return Direction(array(inputs), array(recurrent), array(bias))

        layers = [(direction(f"l{layer}"), direction(f"l{layer}_reverse")) for layer in range(self.lstm.num_layers)]
        words, letters = array(self.words.weight)[: len(vocabulary)], array(self.letters.weight)
        output, bias = array(self.output.weight), array(self.output.bias)
        return Tagger(settings, tuple(vocabulary), mixed, words, letters, layers, output, bias)
