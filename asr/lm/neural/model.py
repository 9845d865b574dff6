"""A small LSTM language model over tokens (RNN-LM), for rescoring n-best lists (Mikolov et al. 2010).

Its units are tokens, not words, so that every text of the alphabet has a probability. The probability of a text is that
of its one tokenisation by the encoder.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import safetensors
import safetensors.torch
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from asr.batching import batches_by_length
from asr.errors import AsrError, LanguageModelError
from asr.files import atomic_path, parse_json
from asr.recurrent.lstm import LSTM
from asr.recurrent.weights import load_weights
from asr.settings import Settings

BOUNDARY_ID = 0  # stands before and after each text; among the tokens it is the blank, which occurs in no text
FORMAT_VERSION = 1
_FORMAT = "asr neural language model"
_TOKENS = "tokens.model"  # the name of the tensor that holds the token model's bytes
_SCORING_UNITS = 8192  # in a batch, padding included


class NeuralLMSettings(Settings):
    """Size of the network."""

    num_layers: int = Field(1, ge=1, le=100)
    """LSTM layers."""
    hidden_size: int = Field(256, ge=1, le=8192)
    """Cells in each layer, and size of the embedding."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of the values that training sets to zero before each layer and the output."""


@runtime_checkable
class TextEncoder(Protocol):
    """Text -> ids of units, in 1 ... len - 1; `asr.tokens.Tokens` is one. It can be made again from `model`."""

    model: bytes
    alphabet: frozenset[str]

    def __len__(self) -> int: ...

    def encode(self, text: str, *, where: str = "text") -> list[int]: ...


class NeuralLM(nn.Module):
    """Embedding, stacked LSTMs, and the embedding once more as output weights (Press & Wolf 2017).

    >>> NeuralLM.load(Path("rnn_lm.safetensors"), Tokens).score(["HELLO WORLD"])  # doctest: +SKIP
    [-21.4]
    """

    def __init__(self, settings: NeuralLMSettings, encoder: TextEncoder) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = encoder
        size = settings.hidden_size
        self.embedding = nn.Embedding(len(encoder), size)
        # Logits of variance one at the start, as in the acoustic model's head.
        nn.init.normal_(self.embedding.weight, std=size**-0.5)
        self.layers = nn.ModuleList()
        for _ in range(settings.num_layers):
            layer = LSTM(size, size)
            layer.initialise()
            self.layers.append(layer)
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(settings.num_layers + 1))
        self.dropout = nn.Dropout(settings.dropout)
        self.bias = nn.Parameter(torch.zeros(len(encoder)))

    def forward(self, units: Int[Tensor, "batch steps"]) -> Float[Tensor, "batch steps vocab"]:
        """Natural-log probabilities of the unit that follows each one; texts start with BOUNDARY_ID."""
        hidden = self.embedding(units)
        for norm, layer in zip(self.norms, self.layers, strict=False):
            hidden, _ = layer(self.dropout(norm(hidden)))
        logits = nn.functional.linear(self.dropout(self.norms[-1](hidden)), self.embedding.weight, self.bias)
        return logits.log_softmax(dim=-1)

    def log_prob(self, rows: Sequence[Sequence[int]]) -> Float[Tensor, "batch"]:
        """Natural log of P(units, end) of each row of units, float64; differentiable.

        Padding comes after a text, so it cannot affect the LSTM's output in the text.
        """
        num_targets = torch.tensor([len(row) + 1 for row in rows])
        units = torch.full((len(rows), int(num_targets.max()) + 1), BOUNDARY_ID)
        for padded, row in zip(units, rows, strict=True):
            padded[1 : len(row) + 1] = torch.tensor(row, dtype=torch.long)
        inside = torch.arange(units.shape[1] - 1) < num_targets[:, None]
        device = self.bias.device
        units = units.to(device)
        chosen = self(units[:, :-1]).gather(2, units[:, 1:, None]).squeeze(2)
        return torch.where(inside.to(device), chosen, 0.0).sum(dim=1, dtype=torch.float64)

    def score(self, texts: Sequence[str]) -> list[float]:
        """Natural log of P(text, end) of each text, independent of the other texts; without dropout.

        Raises:
            TokensError: a text has a character outside the alphabet.
        """
        self.eval()
        rows = [self.encoder.encode(text) for text in texts]
        scores = [0.0] * len(rows)
        with torch.inference_mode():
            for batch in batches_by_length([len(row) for row in rows], _SCORING_UNITS, end=1):
                for index, score in zip(batch, self.log_prob([rows[i] for i in batch]).tolist(), strict=True):
                    scores[index] = score
        return scores

    def check_alphabet(self, alphabet: frozenset[str]) -> None:
        """Raises LanguageModelError if texts of this alphabet, the acoustic model's, cannot all be scored."""
        if missing := sorted(alphabet - self.encoder.alphabet):
            raise LanguageModelError(
                f"the neural language model does not know {len(missing)} characters of the acoustic model: "
                f"{''.join(missing)!r:.80}; train it with the tokens of this model"
            )

    def save(self, path: Path) -> None:
        """Write settings, token model and weights into one safetensors file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        tensors[_TOKENS] = torch.tensor(list(self.encoder.model), dtype=torch.uint8)
        settings = self.settings.model_dump_json()
        metadata = {
            "format": _FORMAT,
            "format_version": str(FORMAT_VERSION),
            "settings": settings,
            "sha256": _digest(settings, tensors),
        }
        with atomic_path(path) as temporary:
            temporary.write_bytes(safetensors.torch.save(tensors, metadata))

    @classmethod
    def load(
        cls, path: Path, make_encoder: Callable[[bytes], TextEncoder], *, device: str | torch.device = "cpu"
    ) -> "NeuralLM":
        """Read a model; `make_encoder` makes the encoder from the bytes of the token model: `asr.tokens.Tokens`.

        Raises:
            LanguageModelError: the file is missing, damaged, of another version, or no such model.
        """
        metadata, tensors = _read(path)
        _check_metadata(path, metadata)
        if metadata.get("sha256") != _digest(metadata.get("settings", ""), tensors):
            raise LanguageModelError(f"{path}: damaged: its checksum is wrong; copy it again, or train it again")
        try:
            settings = NeuralLMSettings.parse(parse_json(metadata["settings"]), source="settings")
            lm = cls(settings, make_encoder(tensors.pop(_TOKENS).numpy().tobytes()))
            load_weights(lm, tensors)
        except (KeyError, RuntimeError, ValueError, AsrError) as error:
            reason = " ".join(str(error).split())[:300]
            raise LanguageModelError(f"{path}: its parts do not fit together ({reason}); train it again") from None
        return lm.to(device).eval()


def word_perplexity(log_probs: Sequence[float], texts: Sequence[str]) -> float:
    """Perplexity per word, counting each end of text as one: comparable to that of a word model."""
    exponent = -math.fsum(log_probs) / sum(len(text.split()) + 1 for text in texts)
    return math.exp(exponent) if exponent < 700 else math.inf


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise LanguageModelError(f"{path}: no such file; expected a neural language model, of asr lm train-rnn")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise LanguageModelError(
            f"{path}: damaged, or not a neural language model ({reason}); copy it again, or train it again"
        ) from None


def _check_metadata(path: Path, metadata: dict[str, Any]) -> None:
    if metadata.get("format") != _FORMAT:
        raise LanguageModelError(f"{path}: not a neural language model; expected one of asr lm train-rnn")
    if (version := metadata.get("format_version")) != str(FORMAT_VERSION):
        raise LanguageModelError(
            f"{path}: format_version is {version!r:.80}, this asr reads {FORMAT_VERSION}; "
            "use the asr that wrote it, or train it again"
        )


def _digest(settings: str, tensors: dict[str, Tensor]) -> str:
    """SHA-256 over all that affects a score: safetensors does not notice a changed byte."""
    digest = hashlib.sha256(settings.encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
