"""Interpolated modified Kneser-Ney smoothing the slow way, for tests: dictionaries and the published formulas."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

NGram: TypeAlias = tuple[str, ...]
Discounts: TypeAlias = tuple[float, float, float]  # of n-grams seen once, twice, more often

FALLBACK: Discounts = (0.5, 1.0, 1.5)


def kneser_ney(
    sentences: Sequence[Sequence[str]], order: int, min_counts: Sequence[int] = (1,)
) -> tuple[dict[NGram, tuple[float, float]], list[Discounts]]:
    """`{words: (probability, back-off weight)}` and the discounts of each order (Chen & Goodman 1998)."""
    seen = count_ngrams(sentences, order)
    adjusted = adjusted_counts(seen, order)
    discounts = [discounts_of(list(counts.values())) for counts in adjusted]
    min_counts = [*min_counts, *[min_counts[-1]] * order][:order]
    kept = [{g for g in counts if n == 1 or seen[g] >= min_counts[n - 1]} for n, counts in enumerate(adjusted, 1)]
    vocabulary = {"<unk>", "</s>", *(word for sentence in sentences for word in sentence)}
    children: defaultdict[NGram, dict[str, int]] = defaultdict(dict)
    for counts in adjusted:
        for ngram, count in counts.items():
            children[ngram[:-1]][ngram[-1]] = count

    def discount(ngram: NGram, count: int) -> float:
        return discounts[len(ngram) - 1][min(count, 3) - 1] if count else 0.0

    @cache
    def total(context: NGram) -> int:
        return sum(children[context].values())

    @cache
    def backoff(context: NGram) -> float:
        left = 0.0
        for word, count in children[context].items():
            ngram = (*context, word)
            left += discount(ngram, count) if ngram in kept[len(context)] else count
        return left / total(context) if children[context] else 1.0

    @cache
    def prob(context: NGram, word: str) -> float:
        ngram = (*context, word)
        lower = prob(context[1:], word) if context else 1 / len(vocabulary)
        if ngram not in kept[len(context)]:
            return backoff(context) * lower
        count = children[context][word]
        return (count - discount(ngram, count)) / total(context) + backoff(context) * lower

    model: dict[NGram, tuple[float, float]]
    model = {(word,): (prob((), word), backoff((word,)) if order > 1 else 1.0) for word in vocabulary}
    model["<s>",] = (1.0, backoff(("<s>",)) if order > 1 else 1.0)
    for n in range(2, order + 1):
        model |= {g: (prob(g[:-1], g[-1]), backoff(g) if n < order else 1.0) for g in kept[n - 1]}
    return model, discounts


def count_ngrams(sentences: Sequence[Sequence[str]], order: int) -> Counter[NGram]:
    """How often each n-gram occurs; <s> alone is none."""
    seen: Counter[NGram] = Counter()
    for sentence in sentences:
        text = ("<s>", *sentence, "</s>")
        for n in range(1, order + 1):
            seen.update(text[i : i + n] for i in range(len(text) - n + 1))
    del seen["<s>",]
    return seen


def adjusted_counts(seen: Counter[NGram], order: int) -> list[dict[NGram, int]]:
    """For each order: counts, or numbers of different words before, of all n-grams."""
    befores: defaultdict[NGram, set[str]] = defaultdict(set)
    for ngram in seen:
        befores[ngram[1:]].add(ngram[0])
    return [
        {g: seen[g] if n == order or g[0] == "<s>" else len(befores[g]) for g in seen if len(g) == n}
        for n in range(1, order + 1)
    ]


def discounts_of(counts: list[int]) -> Discounts:
    n1, n2, n3, n4 = (counts.count(count) for count in (1, 2, 3, 4))
    if 0 in (n1, n2, n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if min(found) > 0 else FALLBACK
