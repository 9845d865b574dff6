"""The settings of an experiment: one YAML file of conf/ holds all of them."""

from typing import Any, Literal, TypeAlias

from pydantic import Field

from asr.corpus.augment import AugmentSettings
from asr.corpus.manifest import MAX_SECONDS
from asr.corpus.plan import JITTER
from asr.model import ModelSettings, settings_of_format_1
from asr.search import SearchSettings
from asr.settings import Settings
from asr.tokens import TokenSettings

Precision: TypeAlias = Literal["auto", "float32", "bf16", "fp16"]


class DataSettings(Settings):
    """Manifests to train on and to choose the best weights on; relative to the folder that `asr` runs in.

    `max_seconds`: utterances that are longer are refused: CTC learns badly from them, and a batch takes gigabytes.
    """

    train: str
    dev: str
    max_seconds: float = Field(MAX_SECONDS, gt=0)


class LoopSettings(Settings):
    """The training loop.

    `batch_seconds`: seconds of sound in a batch, padding counted; where several processes train, in the batch of all of
    them, so that the same settings give the same training on any number of GPUs. `duration_jitter`: utterances are
    sorted into batches by durations changed at random by up to this share. The learning rate rises for
    `warmup_steps`, then falls along a cosine to zero at `max_epochs`. `max_grad_norm`: the gradient is scaled down to
    this norm; `clip_factor`: and to so many times its usual norm. `max_skipped`: so many steps whose loss or gradient
    is not finite are left out before the training ends. `intermediate_share`: of the loss, that of the middle layer.
    `backprop_frames`: so many output frames at most do gradients flow back in time; all, if not given.
    `ema_decay`: share of the old average kept at each step; the averaged weights are those that are evaluated and
    saved. `patience`: stop after so many epochs without a better dev WER. `precision`: what the network computes in;
    "auto" is bf16 on a GPU that knows it, and float32 otherwise (`asr/training/device.py`).

    The state is saved after each epoch, every `checkpoint_minutes`, and every `checkpoint_steps` if given; the last
    `keep_last` states are kept, and the models of the `keep_best` best epochs.
    """

    max_epochs: int = Field(100, ge=1)
    batch_seconds: float = Field(120.0, gt=0)
    duration_jitter: float = Field(JITTER, ge=0, lt=1)
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(200, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    max_grad_norm: float = Field(5.0, gt=0)
    clip_factor: float | None = Field(None, gt=1)
    max_skipped: int = Field(10, ge=0)
    intermediate_share: float = Field(0.3, ge=0, lt=1)
    backprop_frames: int | None = Field(None, ge=1)
    ema_decay: float = Field(0.998, ge=0, lt=1)
    patience: int = Field(30, ge=1)
    seed: int = Field(1, ge=0, lt=2**31)
    num_workers: int = Field(1, ge=0)
    checkpoint_steps: int | None = Field(None, ge=1)
    checkpoint_minutes: float = Field(10.0, gt=0)
    keep_last: int = Field(2, ge=1)
    keep_best: int = Field(1, ge=1)
    precision: Precision = "auto"
    tensorboard: bool = False


class ExperimentSettings(Settings):
    """Everything that decides what a training gives; written into the run folder as it was in force."""

    data: DataSettings
    tokens: TokenSettings = TokenSettings()
    model: ModelSettings = ModelSettings()
    augment: AugmentSettings = AugmentSettings()
    training: LoopSettings = LoopSettings()
    search: SearchSettings = SearchSettings()


# What may change in the midst of a run.
_FREE = (
    "training.max_epochs",
    "training.patience",
    "training.max_skipped",
    "training.num_workers",
    "training.checkpoint_steps",
    "training.checkpoint_minutes",
    "training.keep_last",
    "training.keep_best",
    "training.tensorboard",
    "data.max_seconds",
)


def settings_of_run(values: dict[str, Any]) -> dict[str, Any]:
    """Settings that a run has written out in full, maybe with an older asr, in today's keys."""
    return {**values, "model": settings_of_format_1(values["model"])} if "model" in values else values


def changed_settings(before: dict[str, Any], now: ExperimentSettings) -> str:
    """What differs, as "section.key: before -> now, ..."; without what may change in the midst of a run.

    A key that an older version did not know had what is its default now, but for those of `settings_of_run`.
    """
    defaults = ExperimentSettings(data=now.data).model_dump(mode="json")
    old, new = _flat(defaults) | _flat(settings_of_run(before)), _flat(now.model_dump(mode="json"))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in _FREE]
    return ", ".join(f"{key}: {old.get(key)} -> {new.get(key)}" for key in keys)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
