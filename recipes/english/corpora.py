"""The corpora of `prepare`, by the key `corpus` of its manifests: names and licences, as the model card gives them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Corpus:
    """`attribution`: whom the licence, or custom, asks to be named."""

    title: str
    licence: str
    attribution: str


CORPORA = {
    "librispeech": Corpus("LibriSpeech train-clean-5", "CC BY 4.0", "Panayotov et al. 2015, LibriVox"),
    "librispeech-100-part": Corpus("LibriSpeech train-clean-100, part", "CC BY 4.0", "Panayotov et al. 2015, LibriVox"),
    "an4": Corpus("AN4", "free for any use (Carnegie Mellon)", "Carnegie Mellon University 1991"),
    "speechocean762": Corpus(
        "speechocean762, adults",
        "free for any use by its README; CC BY 4.0 by its publisher",
        "Zhang et al. 2021, SpeechOcean",
    ),
    "kathleen": Corpus("Kathleen, ARCTIC prompts", "CC0 1.0", "Kathleen"),
    "common-voice": Corpus("Common Voice, part", "CC0 1.0", "Mozilla and its volunteers"),
}

DEV_SETS = {
    "librispeech": "LibriSpeech (4 readers of train-clean-5)",
    "common_voice": "Common Voice (48 speakers)",
}
"""Names of the sets of evaluation, by the name of their manifest after `dev_`."""
