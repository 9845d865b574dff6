"""What happens to speech on its way into a file, as functions of a waveform: 16 kHz, mono, float32 in [-1, 1].

In the order in which it happens: `pause` (with `nonspeech`: hum, melodies), `room` (reverberation), `noise` (other
sounds), `level` (volume, clipping), `telephone` and `codec` (what is lost on the way). All but pauses keep the length,
and words stay where they are. Random choices are drawn from the generator that the caller passes.
"""
