"""The interval of an error rate, against made-up corpora of a known rate, scipy's quantiles and Clopper and Pearson."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from asr.scoring import interval as module
from asr.scoring.interval import error_interval


def corpus(
    rng: np.random.Generator, num_utterances: int, rate: float, correlation: float
) -> tuple[list[int], list[int]]:
    """Words and errors whose rate differs from utterance to utterance (beta-binomial)."""
    words = rng.integers(4, 31, num_utterances)
    concentration = (1 - correlation) / correlation
    rates = rng.beta(rate * concentration, (1 - rate) * concentration, num_utterances)
    return rng.binomial(words, rates).tolist(), words.tolist()


def covered(
    interval: Callable[[list[int], list[int]], tuple[float, float]], num_utterances: int, correlation: float
) -> int:
    """In how many of 400 corpora the true rate of 0.1 lies in the interval."""
    rng = np.random.default_rng(num_utterances)
    intervals = [interval(*corpus(rng, num_utterances, 0.1, correlation)) for _ in range(400)]
    return sum(low <= 0.1 <= high for low, high in intervals)


def normal_interval(errors: list[int], words: list[int]) -> tuple[float, float]:
    """The textbook's, for samples that are large (Cochran, "Sampling Techniques", chapter 6)."""
    rate, number = sum(errors) / sum(words), len(errors)
    residuals = sum((e - rate * w) ** 2 for e, w in zip(errors, words, strict=True))
    deviation = math.sqrt(number / (number - 1) * residuals) / sum(words)
    return rate - 1.96 * deviation, rate + 1.96 * deviation


@pytest.mark.parametrize("num_utterances", [20, 50, 130])
@pytest.mark.parametrize("correlation", [0.1, 0.3])
def test_interval_keeps_its_promise(num_utterances: int, correlation: float) -> None:
    # 0.93 to 0.97 are allowed; 400 corpora may lie outside of that by chance, at 2.5 standard errors.
    number = covered(error_interval, num_utterances, correlation)
    margin = 2.5 * math.sqrt(0.05 * 0.95 / 400)
    assert 0.93 - margin < number / 400 < 0.97 + margin


def test_the_textbooks_interval_does_not() -> None:
    assert covered(normal_interval, 20, 0.3) / 400 < 0.9


def test_interval_of_many_utterances_is_the_textbooks() -> None:
    errors, words = corpus(np.random.default_rng(3), 5000, 0.1, 0.1)
    low, high = normal_interval(errors, words)
    assert error_interval(errors, words) == pytest.approx((low, high), abs=0.03 * (high - low))


@pytest.mark.parametrize(("num_utterances", "length"), [(50, 6), (20, 1), (1, 12), (1000, 20)])
def test_without_errors_the_upper_end_is_above_clopper_and_pearsons(num_utterances: int, length: int) -> None:
    low, high = error_interval([0] * num_utterances, [length] * num_utterances)
    exact = stats.beta.ppf(0.975, 1, num_utterances * length)  # of independent words
    assert low == 0
    assert exact < high
    assert high < 1.1 * exact * (1 + 0.1 * (length - 1)) * (1 + 4 / (num_utterances * length))


def test_a_single_utterance_has_the_assumed_spread() -> None:
    low, high = error_interval([100], [500])
    deviation = math.sqrt((100 + 1) * (1 + 0.1 * 499)) / 101
    assert math.log(high / low) == pytest.approx(2 * stats.norm.ppf(0.975) * deviation)
    assert error_interval([100, 0], [500, 0]) == (low, high)


def test_case_e5() -> None:
    low, high = error_interval([0] * 50, [6] * 50)
    assert low == 0
    assert high >= 0.0122


@pytest.mark.parametrize(
    ("errors", "words"), [([3] * 50, [10] * 50), ([1], [7]), ([9], [4]), ([2, 0], [5, 0]), ([1, 0, 0], [1, 1, 1])]
)
def test_no_interval_is_without_width(errors: list[int], words: list[int]) -> None:
    low, high = error_interval(errors, words)
    assert 0 <= low < sum(errors) / sum(words) < high < math.inf
    assert high > 1.02 * low


def test_speakers_who_differ_widen_the_interval() -> None:
    # Ten speakers with rates of their own: utterances of one speaker are not independent.
    rng = np.random.default_rng(1)
    inside = {"utterances": 0, "speakers": 0}
    for _ in range(300):
        rates = np.repeat(rng.beta(2, 18, 10), 20)  # mean 0.1
        errors, words = rng.binomial(10, rates).tolist(), [10] * 200
        speakers = [f"s{number // 20}" for number in range(200)]
        for name, (low, high) in {
            "utterances": error_interval(errors, words),
            "speakers": error_interval(errors, words, groups=speakers),
        }.items():
            inside[name] += low <= 0.1 <= high
    assert inside["utterances"] < 0.8 * 300
    assert inside["speakers"] > 0.91 * 300


def test_groups_are_the_sums_of_their_utterances() -> None:
    errors, words, speakers = [1, 0, 2, 3, 1, 0], [5, 6, 7, 8, 9, 4], list("abacbc")
    by_speaker = error_interval(errors, words, groups=speakers)
    sums = [(3, 12), (1, 15), (3, 12)]
    # The same but for what is assumed of the words of an utterance, which is longer there.
    assert by_speaker == pytest.approx(error_interval(*map(list, zip(*sums, strict=True))), rel=0.3)
    assert error_interval(errors, words, groups=range(6)) == error_interval(errors, words)


def test_order_does_not_matter() -> None:
    errors, words = corpus(np.random.default_rng(5), 40, 0.1, 0.1)
    order = random.Random(1).sample(range(40), 40)
    shuffled = error_interval([errors[i] for i in order], [words[i] for i in order])
    assert shuffled == pytest.approx(error_interval(errors, words), rel=1e-12)


@pytest.mark.parametrize("degrees", [2.0, 3.0, 4.5, 8.0, 19.0, 400.0])
def test_quantiles_of_students_t(degrees: float) -> None:
    exact = stats.t.ppf(0.975, degrees)
    assert module._student_quantile(degrees) == pytest.approx(exact, rel=0.008 if degrees < 5 else 1e-4)


@pytest.mark.parametrize(
    ("errors", "words", "groups", "message"),
    [([1], [0], None, "word"), ([], [], None, "word"), ([1], [2], [], "groups")],
)
def test_what_has_no_rate_is_refused(
    errors: list[int], words: list[int], groups: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        error_interval(errors, words, groups=groups)
