"""What explains a training.

In the order of reading: `layer_norms` and `monitor` (is each epoch well?), `nonfinite` (where does the first number
that is not finite come from?), `replay` (such a step, kept and run again), `overfit` (can one batch be learnt?),
`gradient_reach` (how far do gradients reach in time?).
"""
