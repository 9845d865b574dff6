"""Find the weights of a language model on dev: alpha, beta, the penalty of unknown words, and the width of the beam.

Every trial is a full search, as the kernel is fast. A coarse grid over alpha and beta is searched, then a fine one
around its best place. The best place is the one with the fewest errors in its neighbourhood, not the luckiest one: dev
is small, and the middle of a plateau carries over to other data better than a spike.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from rapidfuzz.distance import Levenshtein

from asr.alignment.confidence import expected_calibration_error, fit_calibration, word_confidence
from asr.alignment.forced_alignment import align_tokens
from asr.corpus.manifest import Utterance
from asr.errors import LanguageModelError, ScoringError, TokensError
from asr.evaluation import batches_of_log_probs, unwritable_words
from asr.lm.neural.model import NeuralLM
from asr.messages import Progress
from asr.recognizer import Recognizer
from asr.scoring import score
from asr.search import Hypothesis, SearchSettings
from asr.search.greedy import greedy_search
from asr.search.prefix_beam import search_in_parallel
from asr.search.rescore import rescore
from asr.tokens import Tokens

_ALPHAS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.2, 1.5, 2.0, 2.5)
_BETAS = {"word": (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), "token": (-0.5, 0.0, 0.5, 1.0, 1.5)}
_PENALTIES = (-0.2, -0.5, -1.0, -1.5, -2.5)
_WIDTHS = (16, 32, 64, 128, 256)
_WIDER = (512, 1024)  # for a weak model, while they still help
_TRIAL_WIDTH = 32
_RESCORING_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3)
_FINE_ALPHAS = (0.6, 0.8, 1.0, 1.25, 1.6)  # times the best of the coarse grid
_FINE_BETAS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # steps of the coarse grid
_CHARACTER = 1e-3  # the weight of a character error beside that of a word error: it breaks ties
_NEGLIGIBLE = 1.001  # errors may grow by this factor for a narrower beam


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings tried on dev: wrong words and characters, and the seconds of search for a frame."""

    settings: SearchSettings
    word_errors: int
    character_errors: int
    seconds_per_frame: float

    @property
    def cost(self) -> float:
        return self.word_errors + _CHARACTER * self.character_errors


@dataclass(frozen=True, slots=True)
class Tuning:
    """The result of tuning. `coarse` and `fine` are grids over alpha (rows) and beta (columns)."""

    best: Trial
    without: Trial
    coarse: list[list[Trial]]
    fine: list[list[Trial]]
    widths: list[Trial]
    num_words: int
    recognizer: Recognizer  # with the best settings, and calibrated
    calibration_errors: tuple[float, float]  # expected, of the confidence of words, before and after calibration

    def percent(self, trial: Trial) -> float:
        """Word error rate on dev, in per cent, rounded to two places."""
        return round(100 * trial.word_errors / max(1, self.num_words), 2)

    def place(self, grid: list[list[Trial]]) -> tuple[int, int] | None:
        """Row and column of the best weights in a grid; None if they are not in it."""
        best = self.best.settings.fusion
        for row, trials in enumerate(grid):
            for column, trial in enumerate(trials):
                if (trial.settings.fusion.alpha, trial.settings.fusion.beta) == (best.alpha, best.beta):
                    return row, column
        return None

    @property
    def at_edge(self) -> bool:
        """Whether the best weights are the largest or smallest of those tried."""
        fusion, grid = self.best.settings.fusion, [trial.settings.fusion for row in self.coarse for trial in row]
        alphas, betas = [trial.alpha for trial in grid], [trial.beta for trial in grid]
        return not (min(alphas) < fusion.alpha < max(alphas) and min(betas) < fusion.beta < max(betas))

    @property
    def beta_matters(self) -> bool:
        """Whether beta makes any difference on dev, at the alpha nearest to the best."""
        alpha = self.best.settings.fusion.alpha
        row = min(self.coarse, key=lambda trials: abs(trials[0].settings.fusion.alpha - alpha))
        return len({trial.cost for trial in row}) > 1

    @property
    def helps(self) -> bool:
        """Whether dev has fewer errors with the language model than in greedy and in beam search without it."""
        return self.best.cost < self.without.cost


class _Dev:
    """The dev set as log-probabilities, on which settings are tried."""

    def __init__(self, recognizer: Recognizer, utterances: Sequence[Utterance], progress: Progress) -> None:
        if recognizer.fusion is None:
            raise LanguageModelError("the model has no language model; give one with --lm")
        _check_texts(utterances, recognizer.tokens)
        self.decode, self._fusion, self._progress = recognizer.tokens.decode, recognizer.fusion, progress
        self.texts = [" ".join(utterance.text.split()) for utterance in utterances]
        self.batch: list[Float[np.ndarray, "_ vocab"]] = [np.empty((0, 0))] * len(utterances)
        done = 0
        for batch, all_log_probs in batches_of_log_probs(recognizer, utterances):
            for index, log_probs in zip(batch, all_log_probs, strict=True):
                self.batch[index] = log_probs
            done += len(batch)
            progress("acoustic model", done, len(utterances))
        self._num_tried, self._num_trials = 0, _num_trials(recognizer)

    def search(
        self, settings: SearchSettings, *, with_fusion: bool = True, num_best: int = 1
    ) -> list[list[Hypothesis]]:
        return search_in_parallel(
            self.batch,
            beam_width=settings.beam_width,
            num_best=num_best,
            max_tokens=settings.max_tokens,
            beam_threshold=settings.beam_threshold,
            fusion=self._fusion.weighted(settings.fusion) if with_fusion else None,
        )

    def try_settings(self, settings: SearchSettings, *, with_fusion: bool = True) -> Trial:
        start = time.perf_counter()
        found = self.search(settings, with_fusion=with_fusion)
        seconds = time.perf_counter() - start
        return self.count(settings, [self.decode(best.tokens) for best, *_ in found], seconds)

    def count(self, settings: SearchSettings, hypotheses: Sequence[str], seconds: float) -> Trial:
        words = characters = 0
        for text, hypothesis in zip(self.texts, hypotheses, strict=True):
            words += Levenshtein.distance(text.split(), hypothesis.split())
            characters += Levenshtein.distance(text, hypothesis)
        self._num_tried += 1
        self._progress("trying settings", self._num_tried, max(self._num_tried, self._num_trials))
        return Trial(settings, words, characters, seconds / max(1, sum(map(len, self.batch))))

    def try_rescoring(self, neural_lm: NeuralLM, settings: SearchSettings) -> list[Trial]:
        """Rescore the best hypotheses with each of the weights."""
        start = time.perf_counter()
        found = self.search(settings, num_best=settings.num_rescored)
        texts = [[self.decode(hypothesis.tokens) for hypothesis in hypotheses] for hypotheses in found]
        scores = [neural_lm.score(row) for row in texts]
        seconds = time.perf_counter() - start
        trials = []
        for weight in _RESCORING_WEIGHTS:
            best = [rescore(*lists, weight=weight)[0].tokens for lists in zip(found, texts, scores, strict=True)]
            changed = settings.model_copy(update={"rescoring_weight": weight})
            trials.append(self.count(changed, [self.decode(tokens) for tokens in best], seconds))
        return trials

    def try_grid(self, settings: SearchSettings, alphas: Sequence[float], betas: Sequence[float]) -> list[list[Trial]]:
        return [
            [self.try_settings(_with(settings, alpha=float(alpha), beta=float(beta))) for beta in betas]
            for alpha in alphas
        ]


def _check_texts(utterances: Sequence[Utterance], tokens: Tokens) -> None:
    """Refuse, before hours of trials, texts that the model cannot write: the weights found on them would be useless."""
    unwritable, num_words = unwritable_words(tokens, utterances)
    if not num_words:
        raise ScoringError("the texts of dev have no words, so no errors can be counted; give a manifest with texts")
    if 2 * len(unwritable) > num_words:
        raise TokensError(
            f"the model's tokens can write only {num_words - len(unwritable)} of the {num_words} words of dev, and "
            f"not {unwritable[0]!r:.80}; write its texts as the training texts are (upper or lower case, punctuation)"
        )


def _num_trials(recognizer: Recognizer) -> int:
    unit = recognizer.search.fusion.unit
    penalties = len(_PENALTIES) if unit == "word" else 0
    rescored = len(_RESCORING_WEIGHTS) if recognizer.parts.neural_lm is not None else 0
    fine = len(_FINE_ALPHAS) * len(_FINE_BETAS)
    return 2 + len(_ALPHAS) * len(_betas(unit)) + penalties + fine + len(_WIDTHS) + rescored


def tune(
    recognizer: Recognizer, utterances: Sequence[Utterance], *, progress: Progress = lambda name, done, total: None
) -> Tuning:
    """Try settings on the utterances of dev. Settings that are not tuned (unit, pruning) are those of
    `recognizer.search`.

    `progress` is called with what is being done, how much of it is done, and how much there is.

    Raises:
        AudioError: a sound file cannot be used.
        LanguageModelError: there is no language model, or the tokens cannot write its words.
        ScoringError, TokensError: the utterances have no words, or the tokens can write hardly any of them.
    """
    dev = _Dev(recognizer, utterances, progress)
    settings = recognizer.search.model_copy(update={"method": "beam", "beam_width": _TRIAL_WIDTH})
    unit = settings.fusion.unit
    greedy = dev.count(settings, [dev.decode(greedy_search(log_probs).tokens) for log_probs in dev.batch], 0.0)
    without = min(greedy, dev.try_settings(settings, with_fusion=False), key=lambda trial: trial.cost)
    betas = _betas(unit)
    coarse = dev.try_grid(settings, _ALPHAS, betas)
    row, column = _middle_of_best(coarse)
    best = coarse[row][column]
    if unit == "word":
        penalties = [dev.try_settings(_with(best.settings, unknown_penalty=p)) for p in _PENALTIES]
        best = _middle_of_equals(penalties)
    center, step = best.settings.fusion, float(np.diff(betas)[0])
    fine = dev.try_grid(
        best.settings,
        [center.alpha * factor for factor in _FINE_ALPHAS],
        [center.beta + step * share for share in _FINE_BETAS],
    )
    row, column = _middle_of_best(fine)
    best = fine[row][column]
    widths = _try_widths(dev.try_settings, best.settings)
    least = min(trial.cost for trial in widths)
    best = next(trial for trial in widths if trial.cost <= least * _NEGLIGIBLE)
    if recognizer.parts.neural_lm is not None:
        best = min(dev.try_rescoring(recognizer.parts.neural_lm, best.settings), key=lambda trial: trial.cost)
    tuned = recognizer.with_search(best.settings)
    if best.settings.rescoring_weight == 0:  # rescoring would cost time and change nothing
        tuned = Recognizer(replace(tuned.parts, neural_lm=None))
    calibrated, errors = _calibrate(tuned, dev)
    num_words = sum(len(u.text.split()) for u in utterances)
    return Tuning(best, without, coarse, fine, widths, num_words, calibrated, errors)


def _try_widths(try_settings: Callable[[SearchSettings], Trial], settings: SearchSettings) -> list[Trial]:
    widths: list[Trial] = []
    for width in (*_WIDTHS, *_WIDER):
        if width in _WIDER and widths[-1].cost * _NEGLIGIBLE >= widths[-2].cost:
            break
        widths.append(try_settings(settings.model_copy(update={"beam_width": width})))
    return widths


def _calibrate(recognizer: Recognizer, dev: _Dev) -> tuple[Recognizer, tuple[float, float]]:
    """The recogniser with its confidence calibrated on dev, and the calibration error before and after."""
    found = recognizer.decode(dev.batch)
    scores = score(dev.texts, [dev.decode(best.tokens) for best in found]).utterances
    correct = [right for utterance in scores for right in utterance.correct_words()]
    raw = []
    for log_probs, best in zip(dev.batch, found, strict=True):
        spans = align_tokens(log_probs, best.tokens)
        for first, end in recognizer.tokens.word_spans(best.tokens):
            raw.append(word_confidence([span.confidence for span in spans[first:end]]))
    calibration = fit_calibration(raw, correct)
    calibrated = [calibration.apply(confidence) for confidence in raw]
    errors = expected_calibration_error(raw, correct), expected_calibration_error(calibrated, correct)
    return Recognizer(replace(recognizer.parts, calibration=calibration)), errors


def _betas(unit: str) -> tuple[float, ...]:
    return _BETAS["token" if unit == "token" else "word"]


def _with(settings: SearchSettings, **changes: float) -> SearchSettings:
    return settings.model_copy(update={"fusion": settings.fusion.model_copy(update=changes)})


def _middle_of_best(grid: list[list[Trial]]) -> tuple[int, int]:
    """The place whose 3 x 3 neighbourhood has the lowest mean cost; the centre counts twice. Of equal places, the one
    nearest to the middle of them all: on utterances of one word, for example, all values of beta are equal.
    """
    costs = np.array([[trial.cost for trial in row] for row in grid])
    padded = np.pad(costs, 1, constant_values=np.nan)
    rows, columns = costs.shape
    around = np.stack([padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)])
    values = costs + 9 * np.nanmean(around, axis=0)
    equal = np.argwhere(np.isclose(values, values.min(), rtol=1e-12, atol=0.0))  # up to rounding
    row, column = equal[np.square(equal - equal.mean(axis=0)).sum(axis=1).argmin()]
    return int(row), int(column)


def _middle_of_equals(trials: Sequence[Trial]) -> Trial:
    """The best trial; of several equal ones, the one in the middle."""
    least = min(trial.cost for trial in trials)
    best = [trial for trial in trials if trial.cost == least]
    return best[len(best) // 2]
