"""Sound that comes piece by piece -> words, while it is still being spoken.

To read in this order: `settings.py` (look-ahead, chunk, when words are final), `samples.py` (what a caller has ->
16 kHz), `mean.py` (of the speech since a pause), `frames.py` (samples -> chunks of normalised log-mel frames),
`words.py` (tokens -> final words with times), `stream.py` (all of these in a row, for one stream or many), `delays.py`
(when words appear), `microphone.py` and `listening.py` (for `asr listen`).
"""
