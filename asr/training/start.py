"""Fine-tuning: a training that starts from the weights of a trained model."""

from dataclasses import dataclass
from pathlib import Path

from asr.corpus.manifest import Utterance
from asr.corpus.shards import ShardedCorpus
from asr.errors import SettingsError
from asr.model import AcousticModel
from asr.model_folder import read_model_folder, read_network_and_tokens
from asr.pretrained.installed import find_model
from asr.recognizer import Recognizer
from asr.settings import flatten
from asr.tokens import Tokens
from asr.training.settings import ExperimentSettings

_HEAD = "head."


@dataclass(frozen=True, slots=True)
class StartTokens:
    """The tokens of the model to start from; `message` says why they cannot be kept, or is None."""

    tokens: Tokens
    message: str | None


def with_network_of_start(settings: ExperimentSettings) -> ExperimentSettings:
    """The settings with `model` as it is in the folder of `training.start_from`, and that folder in place of a name;
    unchanged without one.

    Raises:
        ModelError: the folder cannot be read.
        SettingsError: `model` was given, and differs.
    """
    if settings.training.start_from is None:
        return settings
    folder = find_model(settings.training.start_from)
    network, _ = read_network_and_tokens(folder)
    if "model" in settings.model_fields_set and settings.model != network:
        there, here = flatten(network.model_dump(mode="json")), flatten(settings.model.model_dump(mode="json"))
        differences = ", ".join(f"model.{key}: {there[key]}" for key in there if there[key] != here.get(key))
        raise SettingsError(
            f"training.start_from: {settings.training.start_from} has another network ({differences}); leave the "
            "section `model` out of the settings, it comes with the weights"
        )
    training = settings.training.model_copy(update={"start_from": str(folder)})
    return settings.model_copy(update={"model": network, "training": training})


def tokens_of_start(folder: Path, train: list[Utterance] | ShardedCorpus) -> StartTokens:
    """The tokens of the model in `folder`, and whether all texts of `train` can be written with them.

    Raises:
        ModelError: the folder cannot be read.
    """
    _, tokens = read_network_and_tokens(folder)
    unknown = {character for utterance in train for character in utterance.text if not character.isspace()}
    if missing := sorted(unknown - tokens.alphabet):
        shown = " ".join(repr(character) for character in missing[:10]) + (" ..." if len(missing) > 10 else "")
        return StartTokens(tokens, f"tokens are learnt anew, and the head with them: those of {folder} lack {shown}")
    return StartTokens(tokens, None)


def load_start(model: AcousticModel, tokens: Tokens, folder: Path) -> None:
    """Set the weights to those of the model in `folder`; the head only if it is for the same tokens.

    Raises:
        ModelError: the folder cannot be read.
    """
    start = Recognizer(read_model_folder(folder, engine="torch"))
    weights = start.model.state_dict()
    if start.tokens.model != tokens.model:
        own = model.state_dict()
        weights |= {name: own[name] for name in weights if name.startswith(_HEAD)}
    model.load_state_dict(weights)
