"""Recordings of any length, in constant memory: `stretches.py` (cut at pauses), `windows.py` (where there is no pause),
`passages.py` (what is searched at once), `recording.py` (passages -> transcript), `vad.py` (what is not speech, as
silence; only if asked for), `pipeline.py` (many recordings).
"""
