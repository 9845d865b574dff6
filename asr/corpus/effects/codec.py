"""Speech through a lossy codec: encoded at a low bit rate and decoded again, in memory, by libsndfile."""

import io
from typing import Literal, TypeAlias

import soundfile

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import Samples, within_full_scale
from asr.errors import AudioError

Codec: TypeAlias = Literal["vorbis", "opus", "mp3"]
CODECS: tuple[Codec, ...] = ("vorbis", "opus", "mp3")

# Format and encoding as soundfile names them.
_FORMATS = {"vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}

# The part used of libsndfile's compression range, 0.0 to 1.0: read speech gets 41 to 30, 26 to 9, 40 to 22 kbit/s. The
# bit rate of mp3 varies, as by default: at a constant 32 kbit/s or less, its frames have no room to give the delay of
# the encoder, and the decoded sound would be 69 ms late.
COMPRESSIONS = {"vorbis": (0.7, 1.0), "opus": (0.92, 0.99), "mp3": (0.5, 0.98)}


def transcode(waveform: Samples, codec: Codec, compression: float) -> Samples:
    """What is left of a waveform after `codec`; `compression` as in `COMPRESSIONS`.

    Raises:
        AudioError: the libsndfile of this machine has no such encoder.
    """
    file = io.BytesIO()
    form, encoding = _FORMATS[codec]
    try:
        with soundfile.SoundFile(
            file, "w", SAMPLE_RATE, 1, encoding, format=form, compression_level=compression
        ) as out:
            out.write(waveform)
        file.seek(0)
        decoded, _ = soundfile.read(file, dtype="float32")
    except (soundfile.LibsndfileError, ValueError) as error:
        raise AudioError(
            f"{codec}: cannot be encoded by the libsndfile here ({error}); leave augment.codec out"
        ) from None
    return within_full_scale(decoded)
