"""The CTC loss (Graves et al. 2006), in training and in evaluation."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from asr.ctc import BLANK_ID


def ctc_losses(
    log_probs: Float[Tensor, "batch frames vocab"],
    num_frames: Int[Tensor, "batch"],
    targets: Int[Tensor, "tokens"],
    num_tokens: Int[Tensor, "batch"],
) -> Float[Tensor, "batch"]:
    """The negative natural-log probability of each utterance's tokens, summed over all their paths.

    `targets` are those of all utterances one after the other. The lengths are on the CPU, where PyTorch checks them.
    PyTorch copies them to a GPU and waits, here and in the backward pass. The loss is infinite where the frames are too
    few (`asr.ctc.num_frames_needed`).
    """
    return nn.functional.ctc_loss(
        log_probs.transpose(0, 1), targets, num_frames, num_tokens, blank=BLANK_ID, reduction="none"
    )
