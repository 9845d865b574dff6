"""A reference as a graph of what may be said: words in a row, with alternatives, optional words and fragments.

NIST's notation, in trn and stm files: `{ going to / gonna }` are alternatives, of which `@` is nothing at all; a word
in parentheses may be left out; a word with a hyphen at its end or beginning is a fragment.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from asr.errors import ScoringError


@dataclass(frozen=True, slots=True)
class Arc:
    """`word` leads from the node `start` to the node `end`, a higher number; None leads there without a word.

    An `optional` word may be left out, which is right; a `fragment` is right as any word that begins (or ends) with it.
    """

    start: int
    end: int
    word: str | None
    optional: bool = False
    fragment: bool = False

    def matches(self, heard: str) -> bool:
        """Whether `heard` is right for this word."""
        word = self.word or ""
        if self.fragment and len(word) > 1:
            return heard.startswith(word[:-1]) if word.endswith("-") else heard.endswith(word[1:])
        return word == heard

    @property
    def written(self) -> str:
        """The word, in parentheses if it is optional."""
        return f"({self.word})" if self.optional else self.word or ""


@dataclass(frozen=True, slots=True)
class Reference:
    """What may be said, from node 0 to the last of `num_nodes`. The arcs are in the order of the text."""

    arcs: tuple[Arc, ...]
    num_nodes: int

    @property
    def is_plain(self) -> bool:
        """Whether it is words in a row, each of which has to be said as it is."""
        return all(
            arc.word is not None and arc.start + 1 == arc.end == place and not (arc.optional or arc.fragment)
            for place, arc in enumerate(self.arcs, start=1)
        )

    @property
    def text(self) -> str:
        """The words of all arcs; of a plain reference, its text."""
        return " ".join(arc.word for arc in self.arcs if arc.word is not None)


def plain_reference(words: Iterable[str], *, fragments: bool = False) -> Reference:
    """Words in a row; with `fragments`, a hyphen at an end marks one."""
    arcs = [Arc(place, place + 1, word, fragment=fragments and _is_fragment(word)) for place, word in enumerate(words)]
    return Reference(tuple(arcs), len(arcs) + 1)


def parse_reference(text: str, where: str, *, optional_words: bool = True, fragments: bool = False) -> Reference:
    """Read NIST's notation. Without `optional_words` parentheses belong to a word; without `fragments` hyphens do.

    `where` is the place of the text, for messages.

    Raises:
        ScoringError: alternatives without an end, without a beginning, or with an empty one; names the column.
    """
    return _Parser(unicodedata.normalize("NFC", text), where, optional_words, fragments).reference()


class _Parser:
    def __init__(self, text: str, where: str, optional_words: bool, fragments: bool) -> None:
        self.where, self.optional_words, self.fragments = where, optional_words, fragments
        self.tokens = _tokens(text)
        self.place = 0
        self.arcs: list[Arc] = []
        self.num_nodes = 1

    def reference(self) -> Reference:
        self.words(0, nested=False)
        return Reference(tuple(self.arcs), self.num_nodes)

    def words(self, node: int, *, nested: bool) -> int:
        """Read words, and alternatives within them, from `node` on; returns the node at their end."""
        while self.place < len(self.tokens):
            token, column = self.tokens[self.place]
            if nested and token in ("/", "}"):
                break
            self.place += 1
            if token == "{":
                node = self.alternatives(node, column)
            elif token == "}":
                raise ScoringError(f"{self.where}, column {column}: a }} without the {{ that opens alternatives")
            else:
                node = self.word(node, token, nested=nested)
        return node

    def word(self, node: int, token: str, *, nested: bool) -> int:
        optional = self.optional_words and len(token) > 2 and token[0] == "(" and token[-1] == ")"
        word = None if nested and token == "@" else token[1:-1] if optional else token
        fragment = self.fragments and word is not None and _is_fragment(word)
        end = self.new_node()
        self.arcs.append(Arc(node, end, word, optional, fragment))
        return end

    def alternatives(self, node: int, column: int) -> int:
        """Read from behind the opening brace to behind the closing one."""
        ends = []
        while True:
            before = self.place
            ends.append(self.words(node, nested=True))
            token, at = self.tokens[self.place] if self.place < len(self.tokens) else ("", 0)
            if not token:
                raise ScoringError(f"{self.where}, column {column}: alternatives without a }} at their end")
            if before == self.place:
                raise ScoringError(f"{self.where}, column {at}: an empty alternative; write @ for nothing at all")
            self.place += 1
            if token == "}":
                break
        join = self.new_node()
        self.arcs += [Arc(end, join, None) for end in ends]
        return join

    def new_node(self) -> int:
        self.num_nodes += 1
        return self.num_nodes - 1


def _tokens(text: str) -> list[tuple[str, int]]:
    """Words and, where they stand for alternatives, braces and slashes, with their columns from 1.

    A brace inside of a word, as in `M^{ME}`, and a slash outside of alternatives belong to the word.
    """
    tokens: list[tuple[str, int]] = []
    depth, word, begin = 0, "", 0
    for column, character in enumerate([*text, " "], start=1):
        is_sign = (character == "{" and not word) or (depth > 0 and character in "{/}")
        is_stray = character == "}" and not word and depth == 0
        if word and (is_sign or character.isspace()):
            tokens.append((word, begin))
            word = ""
        if is_sign or is_stray:
            tokens.append((character, column))
            depth += {"{": 1, "}": -1, "/": 0}[character] if is_sign else 0
        elif not character.isspace():
            begin = begin if word else column
            word += character
    return tokens


def _is_fragment(word: str) -> bool:
    return len(word) > 1 and "-" in (word[0], word[-1])
