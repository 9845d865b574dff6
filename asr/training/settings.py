"""The settings of an experiment: one YAML file of conf/ holds all of them."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from asr.batching import JITTER
from asr.corpus.augment import AugmentSettings, ordered
from asr.corpus.manifest import MAX_SECONDS
from asr.model_settings import ModelSettings, settings_of_format_1
from asr.search import SearchSettings
from asr.settings import Settings, flatten, read_settings
from asr.tokens import TokenSettings

SETTINGS = "settings.yaml"  # in a run folder
Precision: TypeAlias = Literal["auto", "float32", "bf16", "fp16"]


class DataSettings(Settings):
    """Manifests: the training set, and the dev set on which the best weights are chosen."""

    train: str
    """Manifest to train on, or a folder of shards; relative to the folder that `asr` runs in."""
    dev: str
    """Manifest on which the best weights are chosen."""
    max_seconds: float = Field(MAX_SECONDS, gt=0, le=86_400)
    """The longest utterance allowed, in seconds: CTC learns badly from longer ones, and batches take gigabytes."""


_ChunkSeconds: TypeAlias = Annotated[float, Field(ge=0, le=60)]
ChunkRange: TypeAlias = Annotated[tuple[_ChunkSeconds, _ChunkSeconds], AfterValidator(ordered)]


class ChunkTrainingSettings(Settings):
    """Batches that are computed as a live stream is, so that one model serves both."""

    share: float = Field(0.5, ge=0, le=1)
    """Share of the batches that are computed in chunks; the others see whole utterances."""
    size: ChunkRange = (0.3, 1.3)
    """Shortest and longest chunk, in seconds; one length is drawn for each batch."""
    lookahead: ChunkRange = (0.0, 1.2)
    """Shortest and longest right context of the chunks, in seconds."""


class LoopSettings(Settings):
    """The training loop.

    A batch is that of all processes that train together, so that the same settings give the same training on any number
    of GPUs.
    """

    start_from: str | None = None
    """Fine-tuning: a model folder, or the name of an installed model, to start from; none: random weights."""
    max_epochs: int = Field(100, ge=1, le=1_000_000)
    """Passes over the training data, at most; the learning rate reaches zero at the end of the last."""
    batch_seconds: float = Field(120.0, gt=0, le=1e6)
    """Seconds of sound in a batch, padding included; of all processes together, if there are several."""
    duration_jitter: float = Field(JITTER, ge=0, lt=1)
    """Durations vary at random by up to this share before utterances are bucketed by length."""
    learning_rate: float = Field(1e-3, gt=0, le=1e38)
    """The peak: the schedule rises for `warmup_steps`, then falls along a cosine to zero at `max_epochs`."""
    warmup_steps: int = Field(200, ge=0, le=10**9)
    """Steps in which the learning rate rises from zero."""
    weight_decay: float = Field(0.01, ge=0, le=1000)
    """Weight decay of AdamW: the share, times the learning rate, that matrices lose at each step."""
    max_grad_norm: float = Field(5.0, gt=0, le=1e9)
    """Gradient clipping: a gradient with a larger norm is scaled down to it."""
    clip_factor: float | None = Field(None, gt=1, le=1e9)
    """A gradient above this many times its usual norm is scaled down to that; none: no such limit."""
    max_skipped: int = Field(10, ge=0, le=10**9)
    """Steps with a non-finite loss or gradient are skipped; with more than this many, the training ends."""
    intermediate_share: float = Field(0.3, ge=0, lt=1)
    """Share of the loss that is taken at the middle layer."""
    backprop_frames: int | None = Field(None, ge=1, le=10**9)
    """Truncated BPTT: gradients flow back over at most this many output frames; none: over all."""
    chunks: ChunkTrainingSettings | None = None
    """Training for streams: some batches in chunks with a limited look-ahead; none: whole utterances only."""
    ema_decay: float = Field(0.998, ge=0, lt=1)
    """Decay of the averaged weights (EMA), which are evaluated and saved: the share kept at each step."""
    patience: int = Field(30, ge=1, le=1_000_000)
    """Early stopping: the training ends after this many epochs without a better word error rate on dev."""
    seed: int = Field(1, ge=0, lt=2**31)
    """Seed of all random choices; on a CPU, two trainings with one seed are equal."""
    num_workers: int = Field(1, ge=0, le=512)
    """Processes that load and augment sound; 0: the training process does it itself."""
    checkpoint_steps: int | None = Field(None, ge=1, le=10**9)
    """A checkpoint is also saved every this many steps; none: only by time and epoch."""
    checkpoint_minutes: float = Field(10.0, gt=0, le=1e6)
    """A checkpoint is saved after each epoch, and every this many minutes."""
    keep_last: int = Field(2, ge=1, le=10_000)
    """How many of the latest checkpoints are kept."""
    keep_best: int = Field(1, ge=1, le=10_000)
    """How many of the best models are kept in `best/`, if more than one; for `asr average`."""
    precision: Precision = "auto"
    """Type for mixed precision (AMP); auto: bf16 on a GPU that supports it, else float32."""
    tensorboard: bool = False
    """Whether to log to TensorBoard too."""


class ExperimentSettings(Settings):
    """Everything that decides the result of a training; saved in the run folder with all defaults."""

    data: DataSettings
    """What to train on."""
    tokens: TokenSettings = TokenSettings()
    """The tokens that the model writes."""
    model: ModelSettings = ModelSettings()
    """Size of the network."""
    augment: AugmentSettings = AugmentSettings()
    """Changes to the training data."""
    training: LoopSettings = LoopSettings()
    """The training loop."""
    search: SearchSettings = SearchSettings()
    """How text is searched for, in training and afterwards."""


# Settings that may change in the middle of a run.
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
    """The full settings of a run, perhaps of an older asr, in today's keys."""
    return {**values, "model": settings_of_format_1(values["model"])} if "model" in values else values


def load_run_settings(run: Path) -> ExperimentSettings:
    """The settings of a run, from its folder.

    Raises:
        SettingsError: there is no settings.yaml, or it is broken or of another version of asr.
    """
    path = run / SETTINGS
    return ExperimentSettings.parse(settings_of_run(read_settings(path)), source=str(path))


def changed_settings(before: dict[str, Any], now: ExperimentSettings) -> str:
    """What differs, as "section.key: before -> now, ..."; without settings that may change in the middle of a run.

    A key that an older version did not know counts as today's default, except for those of `settings_of_run`.
    """
    defaults = ExperimentSettings(data=now.data).model_dump(mode="json")
    old, new = flatten(defaults) | flatten(settings_of_run(before)), flatten(now.model_dump(mode="json"))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in _FREE]
    return ", ".join(f"{key}: {old.get(key)} -> {new.get(key)}" for key in keys)
