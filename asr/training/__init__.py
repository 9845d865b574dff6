"""Settings and manifests -> a trained model in a run folder.

In the order of reading: `settings` and `train` (from settings to a trainer), `data` (tokens, batches, dev), `loop`
(epochs and dev), `saving` (who asked to save or to stop), `step` (a batch -> new weights), `loss`. What a step needs:
`clip`, `ema`, `device`, `distributed`; what the loop needs: `interrupt`. `run` is what a training leaves, `diagnosis`
what explains it.
"""
