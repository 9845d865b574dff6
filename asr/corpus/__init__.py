"""A corpus: from a manifest to batches.

In the order of reading: `manifest` (the file), `manifest_lines` (line by line, broken ones too), `utterances` (a line
-> its sound), `augment` with `effects` and `concatenation`, `waveforms` (the dataset of a loader process), `collate` (a
batch of tensors), `workers` (the loader processes), `batches` and, for a corpus in tar files, `shards` and
`sharded_batches`. `spec_augment` masks features. `importers` bring in corpora of other tools, `doctor` finds what is
wrong in one. Torch is used from `collate` on, and in `spec_augment`.
"""
