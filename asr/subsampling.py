"""Subsampling: frames -> fewer and wider frames, before the recurrent stack; the one place where their number changes.

A layer that changes the number of frames takes (frames, num_frames) and returns both, as this one does; what follows
uses the numbers returned. For callers that need them before or without running the network,
`asr.model_settings.num_output_frames` has to give the same.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from asr.features import frame_mask
from asr.model_settings import KERNELS, STRIDES, ModelSettings, frames_before


class Subsampling(nn.Module):
    """3x3 convolutions that leave one of every 2, 3, 4 or 8 frames, then a projection to the width of the stack.

    Padding is set to zero before each convolution, as if the utterance were alone.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.subsampling = settings.subsampling
        self.strides = STRIDES[settings.subsampling]
        width = settings.conv_channels
        num_bands = settings.features.num_mels
        self.convolutions = nn.ModuleList()
        for index, stride in enumerate(self.strides):
            time = KERNELS[stride]
            convolution = nn.Conv2d(
                1 if index == 0 else width, width, (time, 3), stride=(stride, 2), padding=(time // 2, 1)
            )
            self.convolutions.append(convolution)
            num_bands = (num_bands + 1) // 2
        self.output_size = 2 * settings.hidden_size
        self.projection = nn.Linear(width * num_bands, self.output_size)

    def forward(
        self, frames: Float[Tensor, "batch frames mels"], num_frames: Int[Tensor, "batch"]
    ) -> tuple[Float[Tensor, "batch subframes width"], Int[Tensor, "batch"]]:
        maps = frames[:, None]
        for convolution, stride in zip(self.convolutions, self.strides, strict=True):
            maps = maps * frame_mask(num_frames, maps.shape[2])[:, None, :, None]
            maps = nn.functional.relu(convolution(maps))
            num_frames = (num_frames + stride - 1) // stride
        return self.projection(maps.transpose(1, 2).flatten(2)), num_frames

    def run_chunk(
        self,
        frames: Float[Tensor, "batch frames mels"],
        num_frames: Int[Tensor, "batch"],
        num_before: Int[Tensor, "batch"],
    ) -> Float[Tensor, "batch subframes width"]:
        """A chunk of each utterance, after `frames_before` frames of context, of which the last `num_before` belong to
        the utterance; `num_frames` counts the context too. The output has none of it.

        An output frame is that of the whole utterance if all feature frames that it depends on are given.
        """
        context = frames_before(self.subsampling)
        maps, missing, skipped = frames[:, None], context - num_before, context
        for convolution, stride in zip(self.convolutions, self.strides, strict=True):
            inside = frame_mask(num_frames, maps.shape[2]) & ~frame_mask(missing, maps.shape[2])
            maps = nn.functional.relu(convolution(maps * inside[:, None, :, None]))
            num_frames = (num_frames + stride - 1) // stride
            missing, skipped = missing // stride, skipped // stride
        output: Tensor = self.projection(maps[:, :, skipped:].transpose(1, 2).flatten(2))
        return output
