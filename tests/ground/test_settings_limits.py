"""Numbers in settings have a largest value, and no model is larger than a machine."""

import re
from typing import get_args

import pytest

from asr.alignment.confidence import Calibration
from asr.errors import SettingsError
from asr.lm.neural.train import NeuralTrainingSettings
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.settings import Settings
from asr.training.settings import ExperimentSettings


def test_each_number_of_all_settings_has_a_largest_value() -> None:
    """So that a digit too many is refused in a line, and does not take all memory or all processes."""
    pending: list[type[Settings]] = [ExperimentSettings, NeuralTrainingSettings, Calibration]
    seen = set()
    while pending:
        cls = pending.pop()
        for name, field in cls.model_fields.items():
            pending += [
                kind for kind in kinds_in(field.annotation) if isinstance(kind, type) and issubclass(kind, Settings)
            ]
            if {int, float} & set(kinds_in(field.annotation)):
                seen.add(name)
                schema = cls.model_json_schema()["properties"][name]
                assert re.search("'(maximum|exclusiveMaximum)'", str(schema)), f"{cls.__name__}.{name}"
                assert re.search("'(minimum|exclusiveMinimum)'", str(schema)), f"{cls.__name__}.{name}"
                assert "array" not in str(schema) or "'maxItems'" in str(schema), f"{cls.__name__}.{name}"
    assert {"hidden_size", "num_workers", "batch_seconds", "beam_width", "speeds", "snr", "alpha", "scale"} <= seen


def kinds_in(annotation: object) -> list[object]:
    """The types that an annotation is made of."""
    parts = get_args(annotation)
    return [kind for part in parts for kind in kinds_in(part)] if parts else [annotation]


def test_a_model_that_no_machine_holds_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"644,271,308,800 weights, expected at most 10,000,000,000"):
        ModelSettings.parse({"num_layers": 100, "hidden_size": 16384}, source="conf")
    settings = ModelSettings(num_layers=2, hidden_size=7, conv_channels=2)
    layers = AcousticModel(settings, vocab_size=5, sample_rate=16_000).layers
    assert settings.num_recurrent_weights == sum(p.numel() for name, p in layers.named_parameters() if ".body." in name)
