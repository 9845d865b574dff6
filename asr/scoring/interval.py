"""The 95 % confidence interval of a pooled error rate, from the errors and reference words of each utterance.

The interval is that of the logarithm of the rate: its standard error by the jackknife (each utterance left out once),
times the quantile of Student's t. A bootstrap over few utterances is too narrow, as it never sees an utterance worse
than the worst there is; docs/decisions/0025-intervals.md compares, benchmarks/interval_coverage.py measures.

- Tukey, "Bias and confidence in not-quite large samples", Annals of Mathematical Statistics 29, 1958: the jackknife.
- Kish, "Survey Sampling", Wiley 1965: the design effect, and the effective number of utterances of unequal length.
- Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249, 1983: no error seen.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from jaxtyping import Float

_NORMAL_QUANTILE = 1.959964  # 97.5 %
_LEAST_DEGREES = 2.0  # below three utterances, Student's t is so wide that it says nothing
_WORD_CORRELATION = 0.1  # between the errors of two words of an utterance; assumed where too few errors show it
_ADDED = 1.0  # error, so that a rate of zero has a logarithm; 0.5 makes the interval of few errors twice as wide


def error_interval(
    errors: Sequence[int], num_words: Sequence[int], *, groups: Sequence[Hashable] | None = None
) -> tuple[float, float]:
    """The ends of the 95 % interval of `sum(errors) / sum(num_words)`: 0 <= low <= rate <= high, and low < high.

    Whatever comes from one group, such as a speaker, is taken together, so that the errors of a speaker may depend on
    each other; without `groups` each utterance is one. Nothing is drawn: the same counts give the same interval, in any
    order. If there is no error, the lower end is 0, and the upper end that of a Poisson count of 0, wider by the design
    effect of an assumed correlation of 0.1 between words of an utterance: `3.69 / words` if each has one word. The
    same assumption counts as one error seen beside the others, so that equal utterances do not give a width of zero.
    Fewer than about 20 groups make the interval wide; a single one has only that assumption.

    Raises:
        ValueError: if there is no reference word, or the lengths differ.
    """
    counts = np.array([errors, num_words], dtype=float).reshape(2, -1)
    total_errors, total_words = counts.sum(axis=1)
    if total_words <= 0:
        raise ValueError("expected at least one reference word")
    # An assumption about words of one utterance, which says nothing about those of a speaker.
    design = 1 + _WORD_CORRELATION * (np.square(counts[1]).sum() / total_words - 1)
    if total_errors == 0:
        return 0.0, float(-math.log(0.025) * design / total_words)
    if groups is not None:
        counts = _by_group(counts, groups)
    center = total_errors + _ADDED
    if (counts[1] < total_words).all():
        num_effective = total_words**2 / np.square(counts[1]).sum()
        variance, quantile = _jackknife_variance(counts), _student_quantile(max(num_effective - 1, _LEAST_DEGREES))
    else:  # a single group has all words: what is assumed is not estimated
        variance, quantile = total_errors * design, _NORMAL_QUANTILE
    reach = math.exp(quantile * math.sqrt(variance + design) / center)
    return float(center / total_words / reach), float(center / total_words * reach)


def _jackknife_variance(counts: Float[np.ndarray, "2 groups"]) -> float:
    """The variance of the number of errors, at the number of words that there is; by the logarithm of the rate."""
    total_errors, total_words = counts.sum(axis=1)
    num_groups = counts.shape[1]
    logs = np.log((total_errors - counts[0] + _ADDED) / (total_words - counts[1]))
    variance = (num_groups - 1) / num_groups * np.square(logs - logs.mean()).sum()
    return float(variance * (total_errors + _ADDED) ** 2)


def _by_group(counts: Float[np.ndarray, "2 utterances"], groups: Sequence[Hashable]) -> Float[np.ndarray, "2 groups"]:
    numbers: dict[Hashable, int] = {}
    index = [numbers.setdefault(group, len(numbers)) for group in groups]
    if len(index) != counts.shape[1]:
        raise ValueError(f"found {len(index)} groups for {counts.shape[1]} utterances")
    return np.stack([np.bincount(index, weights=row) for row in counts])


def _student_quantile(degrees: float) -> float:
    """97.5 % of Student's t, within 0.8 % from 2 degrees of freedom on, and 0.01 % from 5 on.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.5.
    """
    z = _NORMAL_QUANTILE
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / degrees**power for power, term in enumerate(terms))
