"""Corpora in the forms of other tools -> the utterances of a manifest: `asr import`.

One file a form: `folder`, `table` (csv and tsv), `nemo`, `kaldi`, `lhotse`, `huggingface`. Each reads a source into
entries, and `entries` makes utterances of them, all in the same way. `extras` loads the packages that some need.
"""
