"""A monitor of training: reads the metrics of each epoch and warns of what looks wrong."""

import math
from collections.abc import Mapping
from statistics import median

from asr.training.diagnosis.layer_norms import LayerNorms
from asr.training.run.metrics import EpochRecord

BLANK_RATIO, BLANK_WER = 0.995, 0.99  # from here on a model writes nothing
_PATIENCE = 5  # epochs that a symptom must last where it may be chance
_BLANK_STEPS = 2000  # CTC starts on a plateau of blanks; AN4 leaves it after about 250 steps
_DEAD, _GRADIENTS_EXPLODE, _WEIGHTS_EXPLODE, _OVERFITTING = 1e-4, 30.0, 30.0, 1.2
# Weights that have grown by this factor, while the loss is still above this share of the first epoch's: diverged.
_WEIGHTS_TOO_LARGE, _STUCK = 5.0, 0.9


class Monitor:
    """Reads the metrics of one epoch after the other, and warns of each problem once, while it lasts.

    `start`: the norms of the weights before the first step; without them, those after the first epoch.
    """

    def __init__(self, start: dict[str, LayerNorms] | None = None) -> None:
        self._start = {name: norms.weights for name, norms in (start or {}).items()}
        self._records: list[EpochRecord] = []
        self._said: set[str] = set()

    def check(self, record: EpochRecord) -> list[str]:
        """New warnings after an epoch."""
        self._records.append(record)
        found = self._signs()
        new = [text for sign, text in found.items() if sign not in self._said]
        self._said = set(found)
        return new

    def _signs(self) -> dict[str, str]:
        layers = self._records[-1].layers
        # In a training that has diverged, gradients tell nothing: saturated layers let none through.
        signs = self._divergence(layers) or dict(self._dead_layers(layers))
        if self._only_blanks():
            signs["blanks"] = (
                "the model writes nothing: blanks only. CTC starts so, but should be past it by now: see whether one "
                "batch can be learnt (--overfit), whether texts and sounds belong together (asr doctor), and try "
                "smaller batches (training.batch_seconds), another learning rate, or a smaller model.subsampling"
            )
        if self._gradients_explode():
            signs["gradients"] = (
                "the gradients are far larger than in the epochs before: lower training.learning_rate, or "
                "let the limit follow the usual norm (training.clip_factor: 2)"
            )
        if self._overfits():
            signs["overfitting"] = (
                f"for {_PATIENCE} epochs dev has become worse while the training set is learnt better: more "
                "model.dropout, more augmentation or a smaller model; the best model is kept"
            )
        return signs

    def _only_blanks(self) -> bool:
        lately = self._records[-_PATIENCE:]
        ill = all(r.blank_ratio > BLANK_RATIO and r.dev_wer >= BLANK_WER for r in lately)
        return ill and len(lately) == _PATIENCE and lately[-1].step >= _BLANK_STEPS

    def _gradients_explode(self) -> bool:
        before = [record.gradient_norm for record in self._records[:-1]]
        return len(before) >= _PATIENCE and self._records[-1].gradient_norm > _GRADIENTS_EXPLODE * median(before)

    def _overfits(self) -> bool:
        if len(self._records) <= _PATIENCE:
            return False
        lately, before = self._records[-_PATIENCE:], self._records[:-_PATIENCE]
        best = min(before, key=lambda record: record.dev_loss)
        return all(
            r.dev_loss > _OVERFITTING * best.dev_loss
            and r.train_loss < best.train_loss
            and r.dev_wer > min(earlier.dev_wer for earlier in before)
            for r in lately
        )

    def _divergence(self, layers: Mapping[str, LayerNorms]) -> dict[str, str]:
        """Weights larger than learning ever makes them."""
        first, last = self._records[0], self._records[-1]
        start = {name: norms.weights for name, norms in first.layers.items()} | self._start
        growth = [(norms.weights / max(1e-12, start.get(name, math.inf)), name) for name, norms in layers.items()]
        most, name = max(growth, default=(0.0, ""))
        is_stuck = len(self._records) > 1 and last.train_loss >= _STUCK * first.train_loss
        if most <= (_WEIGHTS_TOO_LARGE if is_stuck else _WEIGHTS_EXPLODE):
            return {}
        return {
            "diverged": f"the weights of {name} have grown {most:.0f} times: the training has diverged, most likely "
            "because training.learning_rate is too high; begin anew with a tenth of it"
        }

    def _dead_layers(self, layers: Mapping[str, LayerNorms]) -> list[tuple[str, str]]:
        """Compares the gradient of each layer, in relation to its weights, with the median of the others."""
        ratios = {name: norms.gradients / max(1e-12, norms.weights) for name, norms in layers.items()}
        signs = []
        for name, ratio in ratios.items():
            others = median([other for key, other in ratios.items() if key != name] or [ratio])
            if not math.isfinite(ratio):
                continue  # the step was left out, and said so
            if ratio < _DEAD * others:
                signs.append(
                    (f"dead {name}", f"{name} learns nothing: its gradient is {ratio / others:.0e} of the usual")
                )
        return signs
