"""Corpora in the forms of other tools -> the utterances of a manifest: `asr import`.

One file a form: `folder`, `table` (csv and tsv), `nemo`, `kaldi`, `lhotse`, `huggingface`. Each reads a source into
entries (`entries`), which become utterances there, all in the same way. `extras` loads the packages that some need.
"""
