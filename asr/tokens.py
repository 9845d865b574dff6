"""Stage 5, the tokenizer: text <-> token ids, by sentencepiece: characters, BPE or unigram. Id 0 is the CTC blank."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import sentencepiece
from pydantic import Field

from asr.ctc import BLANK_ID
from asr.errors import TokensError
from asr.files import MAX_SIDE_BYTES, read_bytes
from asr.settings import Settings

_UNKNOWN_ID = 1  # sentencepiece requires one; no text is ever encoded with it
_BLANK, _UNKNOWN = "<blank>", "<unk>"
_WORD_START = "\u2581"
_RESERVED = re.compile(f"{_BLANK}|{_UNKNOWN}|[\0{_WORD_START}\u2585\ud800-\udfff]")


class TokenSettings(Settings):
    """The tokens that the model writes."""

    kind: Literal["char", "bpe", "unigram"] = "char"
    """Characters, or pieces of words by byte-pair encoding (BPE) or a unigram model."""
    vocab_size: int = Field(128, ge=4, le=1_000_000)
    """Number of tokens, including the blank and the unknown one; not used for characters."""


class Tokens:
    """A token model: `encode` text to ids in 1 ... size - 1, `decode` ids to text."""

    def __init__(self, model: bytes) -> None:
        try:
            if not model:  # sentencepiece would accept it, and fail later
                raise RuntimeError("it is empty")
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            self.pieces: tuple[str, ...] = tuple(self._processor.id_to_piece(i) for i in range(len(self)))
        except (RuntimeError, UnicodeDecodeError) as error:
            raise TokensError(f"not a sentencepiece model: {_one_line(error)}") from None
        if self.pieces[BLANK_ID] != _BLANK:
            raise TokensError(
                f"piece {BLANK_ID} of the token model is {self.pieces[BLANK_ID]!r}, expected {_BLANK!r}; "
                "train it with asr"
            )
        self.separates_words = np.array([piece.startswith(_WORD_START) for piece in self.pieces], dtype=np.bool_)
        self.word_start = self.pieces.index(_WORD_START) if _WORD_START in self.pieces else None  # by itself
        self.model = model
        self.alphabet = frozenset("".join(self.pieces[_UNKNOWN_ID + 1 :]).replace(_WORD_START, " ")) | {" "}

    def __len__(self) -> int:
        return int(self._processor.get_piece_size())

    @classmethod
    def load(cls, path: Path) -> "Tokens":
        """Raises TokensError if the file is missing or is not a token model."""
        content = read_bytes(path, TokensError, max_bytes=MAX_SIDE_BYTES)
        try:
            return cls(bytes(content))
        except TokensError as error:
            raise TokensError(f"{path}: {error}") from None

    @classmethod
    def train(cls, texts: Sequence[str], settings: TokenSettings) -> "tuple[Tokens, str | None]":
        """Learn the pieces from texts (Kudo & Richardson 2018): the model, and a message if it is smaller than asked.

        Raises:
            TokensError: if there is no text, if a text has a character that cannot be a token, or if the vocabulary
                is too small for the characters of the texts.
        """
        texts = [" ".join(text.split()) for text in texts]
        if not any(texts):
            raise TokensError("the training texts are empty: no tokens can be learnt from them")
        _refuse_reserved(texts)
        characters = {character for text in texts for character in text} | {" "}
        smallest = len(characters) + _UNKNOWN_ID + 1
        size = smallest if settings.kind == "char" else settings.vocab_size
        if size < smallest:
            raise TokensError(
                f"tokens.vocab_size is {size}, but the {len(characters)} different characters of the training texts, "
                f"with the blank and the unknown token, need {smallest}; raise it"
            )
        try:
            return cls(_train(texts, settings.kind, size)), None
        except RuntimeError as error:
            most = re.search(r"<= ?(\d+)", str(error))
            if not most:
                raise TokensError(f"sentencepiece could not learn tokens from the texts: {_one_line(error)}") from None
        size = int(most[1])
        message = f"the text supports at most {size} {settings.kind} tokens, not {settings.vocab_size}: {size} are used"
        return cls(_train(texts, settings.kind, size)), message

    def encode(self, text: str, *, where: str = "text") -> list[int]:
        """Ids of the tokens of a text; white space at the ends is ignored, and runs of it count as one space.

        Raises:
            TokensError: names the first character outside the alphabet, its code point, the text, and `where` it is.
        """
        for character in text:
            if character not in self.alphabet and not character.isspace():
                raise TokensError(
                    f"{where}: the character {character!r} (U+{ord(character):04X}) in {text!r} is not in the alphabet "
                    f"{''.join(sorted(self.alphabet))!r}; change the text, or train the tokens on text that has it"
                )
        ids: list[int] = self._processor.encode(" ".join(text.split()))
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, without blanks: words with one space between them."""
        return " ".join("".join(self.pieces[i] for i in ids).replace(_WORD_START, " ").split())

    def word_spans(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """For each word of `decode(ids)`, the first token that spells it and the one after its last."""
        words: list[tuple[int, int]] = []
        open_word = False
        for index, piece in enumerate(self.pieces[i] for i in ids):
            open_word = open_word and not piece.startswith(_WORD_START)
            if piece == _WORD_START:
                continue
            if open_word:
                words[-1] = (words[-1][0], index + 1)
            else:
                words.append((index, index + 1))
            open_word = True
        return words


def _refuse_reserved(texts: Sequence[str]) -> None:
    """sentencepiece would silently drop texts with these."""
    for text in texts:
        if reserved := _RESERVED.search(text):
            raise TokensError(
                f"the training text {text!r:.200} has {reserved[0]!r} (U+{ord(reserved[0][0]):04X}), which cannot be "
                "learnt, since it is reserved; take it out of the text"
            )


def _train(texts: Sequence[str], kind: str, size: int) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        character_coverage=1.0,
        required_chars=_WORD_START,  # so that words can be separated even if each training text has only one
        max_sentence_length=max(10, *(len(text.encode()) for text in texts)),  # otherwise longer ones are dropped
        normalization_rule_name="identity",  # no silent normalisation of the text
        add_dummy_prefix=kind != "char",  # pieces start words, so the first word needs its mark too
        pad_id=BLANK_ID,
        pad_piece=_BLANK,
        unk_id=_UNKNOWN_ID,
        unk_piece=_UNKNOWN,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
        num_threads=1,
    )
    return model.getvalue()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
