"""The files that a training leaves in its run folder.

In the order of reading: `folder` (settings, and what belongs to them), `checkpoint` (the state), `best` (models),
`metrics` (an epoch as a record), `log` and `records` (lines written and read), `environment`, `fingerprint` (of the
data), `lock` (one training at a time).
"""
