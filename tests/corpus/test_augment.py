"""Effects as the settings ask for them: off unless named, each with its own share and its own randomness."""

from typing import Any

import numpy as np
import pytest

from asr.corpus.augment import AugmentSettings, distort
from asr.corpus.effects.level import change_volume
from asr.corpus.effects.pause import NO_PAUSES, PauseSeconds
from asr.errors import SettingsError

ALL = {
    "reverb": {"share": 1},
    "babble": {"share": 1},
    "added_noise": {"share": 1},
    "volume": {"share": 1},
    "clipping": {"share": 1},
    "telephone": {"share": 1},
    "codec": {"share": 1},
}


def settings(**values: object) -> AugmentSettings:
    return AugmentSettings.parse(values, source="conf.yaml: augment")


def heard(waveform: np.ndarray, seed: int = 1, pauses: PauseSeconds = NO_PAUSES, /, **values: Any) -> np.ndarray:
    voices = [waveform[::-1].copy(), waveform[5000:9000]]
    rng = np.random.default_rng(seed)
    return distort(waveform, settings(**values), rng, lambda rng: voices, pauses)


def test_effects_are_off_unless_they_are_named(speechlike: np.ndarray) -> None:
    np.testing.assert_array_equal(heard(speechlike), speechlike)
    assert all(getattr(AugmentSettings(), name) is None for name in (*ALL, "concatenation", "pauses"))
    never: dict[str, Any] = {name: {"share": 0} for name in ALL}
    np.testing.assert_array_equal(heard(speechlike, **never), speechlike)


@pytest.mark.parametrize("name", ALL)
def test_each_effect_is_heard_in_its_share_of_the_utterances(speechlike: np.ndarray, name: str) -> None:
    short = speechlike[:2000]
    changed = [not np.array_equal(heard(short, seed, **{name: {"share": 0.3}}), short) for seed in range(200)]
    assert 0.2 < np.mean(changed) < 0.4


@pytest.mark.parametrize("name", ALL)
def test_effects_depend_on_the_seed_alone(speechlike: np.ndarray, name: str) -> None:
    first, again, *others = (heard(speechlike, seed, **{name: ALL[name]}) for seed in (1, 1, 2, 3, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not all(np.array_equal(first, other) for other in others)


def test_one_effect_more_leaves_the_others_as_they_were(speechlike: np.ndarray) -> None:
    quiet = 0.2 * speechlike
    never: dict[str, Any] = {"reverb": {"share": 0}, "babble": {"share": 0}}  # drawn, and not heard
    some: dict[str, Any] = {"added_noise": ALL["added_noise"]}
    np.testing.assert_array_equal(heard(quiet, **some), heard(quiet, **some, **never))
    for seed in range(5):
        without = heard(quiet, seed, reverb=ALL["reverb"], added_noise=ALL["added_noise"])
        louder = {"share": 1, "decibels": [3, 3]}
        also = heard(quiet, seed, reverb=ALL["reverb"], added_noise=ALL["added_noise"], volume=louder)
        np.testing.assert_allclose(also, change_volume(without, 3.0), atol=1e-7)


def test_pauses_come_first_and_leave_the_other_effects_as_they_were(speechlike: np.ndarray) -> None:
    pauses, louder = (0.3, 0.0, 0.1), {"share": 1, "decibels": [3, 3]}
    for seed in range(5):
        paused = heard(0.2 * speechlike, seed, pauses)
        assert len(paused) == len(speechlike) + 6400
        also = heard(0.2 * speechlike, seed, pauses, volume=louder)
        np.testing.assert_allclose(also, change_volume(paused, 3.0), atol=1e-7)


def test_all_effects_at_once_leave_a_waveform_of_the_same_length(speechlike: np.ndarray) -> None:
    for seed in range(5):
        out = heard(speechlike, seed, **ALL)
        assert out.shape == speechlike.shape
        assert out.dtype == np.float32
        assert np.abs(out).max() <= 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"volume": {"share": 1, "decibels": [6, -6]}}, "volume.decibels: value error, the first number has to be the"),
        ({"added_noise": {"share": 1.5}}, "added_noise.share: input should be less than or equal to 1, found 1.5"),
        ({"babble": {"snr": [0, 5]}}, "babble.share: missing"),
        ({"reverb": {"share": 1, "rt60": [0, 1]}}, "reverb.rt60.0: input should be greater than or equal to 0.1"),
        ({"codec": {"share": 1, "snr": [0, 5]}}, "codec.snr: unknown key"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**values)
    assert message in str(caught.value)
