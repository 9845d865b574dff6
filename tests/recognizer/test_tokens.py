"""Text to tokens and back, for any text, and tokens to words, for whatever a search may come up with."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.ctc import BLANK_ID
from asr.errors import TokensError
from asr.tokens import Tokens, TokenSettings

PANGRAMS = [
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG",
    "PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS",
    "THE FIVE BOXING WIZARDS JUMP QUICKLY",
    "IT'S THE DOG'S BOX",
]
WORLD = [
    "gr\u00fc\u00df gott",
    "\u65e5\u672c \u8a9e",
    "e\u0301 \u00e9",
    "\U0001f469\u200d\U0001f469 \u2764\ufe0f ok",
    "\u0645\u0631\u062d\u0628\u0627",
]
Kind: TypeAlias = Literal["char", "bpe", "unigram"]
SETTINGS: dict[Kind, TokenSettings] = {
    "char": TokenSettings(kind="char"),
    "bpe": TokenSettings(kind="bpe", vocab_size=60),
    "unigram": TokenSettings(kind="unigram", vocab_size=44),
}
kinds = pytest.mark.parametrize("kind", SETTINGS)


@cache
def tokens_of(kind: Kind, *, world: bool = False) -> Tokens:
    return Tokens.train(WORLD * 3 if world else PANGRAMS * 3, SETTINGS[kind])[0]


def refusal(function: Callable[..., object], *arguments: object, **options: object) -> str:
    with pytest.raises(TokensError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- text -> ids -> text ----------------------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("world", [False, True])
@given(data=st.data())
def test_any_text_of_the_alphabet_comes_back(kind: Kind, world: bool, data: st.DataObject) -> None:
    tokens = tokens_of(kind, world=world)
    text = data.draw(st.text(st.sampled_from([*sorted(tokens.alphabet), "\t", "\n", "\u2028", "\u00a0", "\u3000"])))
    ids = tokens.encode(text)
    assert all(1 < id < len(tokens) for id in ids)
    assert tokens.decode(ids) == " ".join(text.split())


@kinds
def test_the_alphabet_is_that_of_the_texts(kind: Kind) -> None:
    assert tokens_of(kind).alphabet == set("".join(PANGRAMS))
    assert tokens_of(kind, world=True).alphabet == set("".join(WORLD))


@kinds
def test_id_0_is_the_blank(kind: Kind) -> None:
    tokens = tokens_of(kind)
    assert BLANK_ID == 0
    assert tokens.pieces[:2] == ("<blank>", "<unk>")
    assert len(tokens) == len(tokens.pieces) == len(set(tokens.pieces))


def test_characters_are_single() -> None:
    tokens = tokens_of("char")
    assert {len(piece) for piece in tokens.pieces[2:]} == {1}
    assert len(tokens.encode("THE DOG")) == 7


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_are_fewer_than_characters_and_the_size_is_as_asked(kind: Kind) -> None:
    tokens = tokens_of(kind)
    assert len(tokens) == SETTINGS[kind].vocab_size
    assert len(tokens.encode(PANGRAMS[0])) < len(PANGRAMS[0])


def test_characters_out_of_the_alphabet() -> None:
    message = refusal(tokens_of("char").encode, "D\u00d6G", where="train.jsonl, line 7, utterance u7")
    assert message.startswith(
        "train.jsonl, line 7, utterance u7: the character '\u00d6' (U+00D6) in 'D\u00d6G' is not in the alphabet \" '"
    )
    for odd in ("\u2581", "\0", "\U0001f600", "e\u0301", "\ud83d", "<unk>", "<blank>", "a"):
        first = next(character for character in odd if character not in tokens_of("char").alphabet)
        assert f"(U+{ord(first):04X})" in refusal(tokens_of("char").encode, f"THE {odd}")


# --- ids -> words -----------------------------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("world", [False, True])
@given(data=st.data())
def test_words_and_their_tokens_agree_for_any_ids(kind: Kind, world: bool, data: st.DataObject) -> None:
    """Any ids in any order: word starts at the end, doubled, missing at the beginning."""
    tokens = tokens_of(kind, world=world)
    ids = data.draw(st.lists(st.integers(2, len(tokens) - 1) | st.just(tokens.pieces.index("\u2581"))))
    spans = tokens.word_spans(ids)
    words = tokens.decode(ids).split()
    assert [tokens.decode(ids[first:end]) for first, end in spans] == words
    inside = [index for first, end in spans for index in range(first, end)]
    assert inside == sorted(set(inside))
    outside = [tokens.pieces[id] for index, id in enumerate(ids) if index not in inside]
    assert set(outside) <= {"\u2581"}


def test_word_spans_by_hand() -> None:
    tokens = Tokens.train(["AB A"], TokenSettings())[0]
    a, b, space = (tokens.pieces.index(piece) for piece in "AB\u2581")
    assert tokens.word_spans([]) == []
    assert tokens.word_spans([space, space]) == []
    assert tokens.word_spans([a, b]) == [(0, 2)]
    assert tokens.word_spans([space, a, space, space, b, a, space]) == [(1, 2), (4, 6)]


# --- learning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_vocabulary_that_is_too_large_is_reduced_with_a_message(kind: Kind) -> None:
    tokens, message = Tokens.train(PANGRAMS, TokenSettings(kind=kind, vocab_size=5000))
    assert message == f"the text supports at most {len(tokens)} {kind} tokens, not 5000: {len(tokens)} are used"
    assert tokens.decode(tokens.encode(PANGRAMS[3])) == PANGRAMS[3]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_vocabulary_that_is_too_small_is_refused_with_the_number_needed(kind: Kind) -> None:
    message = refusal(Tokens.train, PANGRAMS, TokenSettings(kind=kind, vocab_size=29))
    assert re.search("vocab_size is 29, but the 28 different characters .* need 30", message)
    assert len(Tokens.train(PANGRAMS, TokenSettings(kind=kind, vocab_size=30))[0]) == 30


def test_characters_take_the_size_they_need_without_a_message() -> None:
    for texts in (PANGRAMS, ["A"], ["YES", "NO"], ["A B"]):
        tokens, message = Tokens.train(texts, TokenSettings(vocab_size=4))
        assert len(tokens) == len(set("".join(texts)) | {" "}) + 2
        assert message is None


@kinds
def test_words_can_be_told_apart_though_each_training_text_is_one_word(kind: Kind) -> None:
    tokens, _ = Tokens.train(["YES", "NO"] * 3, SETTINGS[kind])
    assert tokens.decode(tokens.encode("NO YES NO")) == "NO YES NO"


@kinds
@pytest.mark.parametrize("space", [" ", ""])
def test_long_texts_are_not_left_out(kind: Kind, space: str) -> None:
    tokens, _ = Tokens.train([space.join(["ABCDEFGH"] * 2000) + " Z", "A"], TokenSettings(kind=kind, vocab_size=14))
    assert tokens.decode(tokens.encode("Z HA")) == "Z HA"


@kinds
def test_white_space_of_all_kinds_is_one_space(kind: Kind) -> None:
    tokens, _ = Tokens.train(["A\tB\nC\u00a0D", "  A\u3000 B\x1cC D "] * 3, TokenSettings(kind=kind, vocab_size=9))
    assert tokens.alphabet == set(" ABCD")
    assert tokens.decode(tokens.encode("\tA\u2003D\n")) == "A D"


@kinds
@pytest.mark.parametrize(
    ("odd", "named"),
    [
        ("A\u2581B", "'\u2581' (U+2581)"),
        ("A \u2585", "'\u2585' (U+2585)"),
        ("A\0B", "'\\x00' (U+0000)"),
        ("A\ud83d", "'\\ud83d' (U+D83D)"),
        ("OH <unk> OH", "'<unk>' (U+003C)"),
        ("<blank>", "'<blank>' (U+003C)"),
    ],
)
def test_what_sentencepiece_would_leave_out_in_silence_is_refused(kind: Kind, odd: str, named: str) -> None:
    message = refusal(Tokens.train, [*PANGRAMS, odd], SETTINGS[kind])
    assert message.startswith(f"the training text {odd!r} has {named}, which cannot be learnt")


@pytest.mark.parametrize("texts", [[], [""], [" \t\u3000", "\n"]])
def test_nothing_to_learn_from(texts: list[str]) -> None:
    assert "are empty" in refusal(Tokens.train, texts, TokenSettings())


def test_learning_twice_gives_the_same_model() -> None:
    for settings in SETTINGS.values():
        assert Tokens.train(PANGRAMS, settings)[0].model == Tokens.train(PANGRAMS, settings)[0].model


# --- model files ------------------------------------------------------------------------------------------------------


def test_a_model_is_loaded_again(tmp_path: Path) -> None:
    (tmp_path / "tokens.model").write_bytes(tokens_of("bpe").model)
    assert Tokens.load(tmp_path / "tokens.model").pieces == tokens_of("bpe").pieces


def test_bytes_that_are_no_model(tmp_path: Path) -> None:
    path = tmp_path / "tokens.model"
    assert refusal(Tokens.load, path) == f"{path}: no such file"
    good = tokens_of("char").model
    for content in (
        b"",
        b"x",
        bytes(100),
        b"no model " * 50,
        good[:100],
        good.replace("\u2581".encode(), b"\xff\xfe\xfd"),
    ):
        path.write_bytes(content)
        assert refusal(Tokens.load, path).startswith(f"{path}: not a sentencepiece model")


def test_a_model_of_another_tool() -> None:
    changed = tokens_of("char").model.replace(b"<blank>", b"<start>")
    assert "piece 0 of the token model is '<start>', expected '<blank>'" in refusal(Tokens, changed)


def test_sentencepiece_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    for settings in SETTINGS.values():
        Tokens.train(PANGRAMS, settings)
        Tokens.train(["A" * 5000], settings)
    refusal(Tokens, b"")
    refusal(Tokens, b"x")
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
