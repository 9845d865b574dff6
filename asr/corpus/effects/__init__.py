"""What happens to speech on its way into a file, as functions of a waveform: 16 kHz, mono, float32 in [-1, 1].

In the order in which it happens: `room` (echoes), `noise` (other sounds), `level` (volume, clipping), `telephone` and
`codec` (what is lost on the way). All keep the length, and words stay where they are. What they choose at random they
draw from the generator that is given to them.
"""
