"""Recurrences, one file a family, all in one slot of the network (`model.recurrence.kind`).

To read in this order: `recurrence.py` (what a family is to the rest), `settings.py` (which there are), `lstm.py` and
`gru.py`, `gates.py` (their start), `loop.py` (a loop whose gradient is written by hand) and, of the families that feed
back, `elman.py`, `jordan.py`, `fully_recurrent.py`, `lstm_variant.py`, `ligru.py`, `echo_state.py`; `scan.py` (what
families that are parallel over time come down to) and `mingru.py`, `minlstm.py`, `rglru.py`, `hgrn.py`, `sru.py`,
`qrnn.py`; `spectral_radius.py` (of a reservoir), `readout.py` (its read-out in closed form), `bidirectional.py` (both
directions of time, and padding), `families.py` (settings to recurrence), `weights.py` (weights of a file to network),
`names.py` (as older files name them).

A new family is a file here, a class in `settings.py`, a case in `families.py` and one in `asr/onnx/loops.py`; what it
remembers in `asr/onnx/states.py`, if that is more than its outputs; a line in `tests/support/recurrences.py`, its
equations step by step in a test, and `docs/settings.md` written anew.
"""
