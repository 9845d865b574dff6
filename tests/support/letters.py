"""Letters as units of language models, for tests."""

from collections.abc import Iterable

from asr.errors import TokensError

SENTENCES = ["THE DOG BARKS", "THE CAT SLEEPS", "A BIRD SINGS", "NO FISH SINGS", "THE BIRD SLEEPS", "A DOG"]


class Letters:
    """The encoder of the tests: one id a letter, made of the letters' bytes."""

    def __init__(self, model: bytes) -> None:
        self.model = model
        self.letters = model.decode()
        self.alphabet = frozenset(self.letters)

    def __len__(self) -> int:
        return 1 + len(self.letters)

    def encode(self, text: str, *, where: str = "text") -> list[int]:
        if unknown := set(text) - self.alphabet:
            raise TokensError(f"{where}: {unknown}")
        return [1 + self.letters.index(letter) for letter in text]


def letters_of(texts: Iterable[str]) -> Letters:
    return Letters("".join(sorted(set("".join(texts)))).encode())
