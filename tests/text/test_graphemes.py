"""Graphemes, against the values of `\\X` of the package regex, and properties of any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.text.graphemes import graphemes

HANGUL = "\u1112\u1161\u11ab"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("naïve", list("naïve")),
        ("e\u0301a", ["e\u0301", "a"]),
        ("a\r\nb\n\u0301", ["a", "\r\n", "b", "\n", "\u0301"]),
        ("हिन्दी", ["हि", "न्दी"]),
        ("क्षत्रिय", ["क्ष", "त्रि", "य"]),
        ("தமிழ்", ["த", "மி", "ழ்"]),
        ("น้ำใจ", ["น้ำ", "ใ", "จ"]),
        ("עִבְרִית", ["עִ", "בְ", "רִ", "י", "ת"]),
        (HANGUL + "\uad6d\u11a8가", [HANGUL, "\uad6d\u11a8", "가"]),
        ("👩\u200d👩\u200d👧👍🏽x", ["👩\u200d👩\u200d👧", "👍🏽", "x"]),
        ("🇩🇪🇫🇷🇩", ["🇩🇪", "🇫🇷", "🇩"]),
        ("❤\ufe0f\u200d🔥", ["❤\ufe0f\u200d🔥"]),
        ("日本語", list("日本語")),
    ],
)
def test_graphemes_are_those_of_the_standard(text: str, expected: list[str]) -> None:
    assert graphemes(text) == expected


@given(st.text())
def test_graphemes_spell_the_text(text: str) -> None:
    assert "".join(graphemes(text)) == text
    assert all(graphemes(text))
