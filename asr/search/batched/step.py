"""One frame of the tensor search, in logarithms: from the prefixes before it to those after it.

A fixed sequence of operations of constant shape that never waits for the device, so that a GPU can record it once and
replay it for every frame.

A prefix is known by a 64-bit hash of its tokens, and keeps that of the prefix it grew from: where both are in the beam,
the paths from one to the other are added to the longer, which is then no candidate. Two prefixes of one beam share a
hash by chance once in 10^15 frames (beam 64).
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from asr.ctc import BLANK_ID
from asr.search.batched.frames import Links
from asr.search.batched.fusion import FusionState, TensorTables

_NONE = -1
_NUM_FLOATS = 6
_GOLDEN_RATIO = -7_046_029_254_386_353_131  # 2**64 / 1.618, odd: a multiplier that spreads neighbours (Knuth 6.4)


class Beams(NamedTuple):
    """The prefixes of all utterances, each field (batch, beam_width); a prefix of probability zero marks an empty
    place.

    The first `_NUM_FLOATS` fields are float64, natural logs, the others int64.
    """

    blank: Tensor  # log of the sum over the paths that end in blank, and of those that end in the last token
    last: Tensor
    best_blank: Tensor  # the same of the likeliest path
    best_last: Tensor
    gain: Tensor  # of fusion for the last token
    total_gain: Tensor
    key: Tensor  # hash of the prefix
    parent_key: Tensor  # hash of the prefix without its last token
    token: Tensor  # the last one; blank in the empty prefix
    lm_state: Tensor
    node: Tensor
    hotword_state: Tensor
    prefix: Tensor  # its place in the history, which gives its tokens
    trace_blank: Tensor  # places in the history, which give the start frames of the tokens on the likeliest path
    trace_last: Tensor

    @property
    def fusion_state(self) -> FusionState:
        return FusionState(self.lm_state, self.node, self.hotword_state)

    def pack(self) -> tuple[Float[Tensor, "floats batch beams"], Int[Tensor, "integers batch beams"]]:
        """All fields in two tensors, so that two operations treat all of them."""
        return torch.stack(self[:_NUM_FLOATS]), torch.stack(self[_NUM_FLOATS:])

    @classmethod
    def unpack(
        cls, floats: Float[Tensor, "floats batch beams"], integers: Int[Tensor, "integers batch beams"]
    ) -> "Beams":
        """Views of the fields."""
        return cls(*floats.unbind(), *integers.unbind())


class Frame(NamedTuple):
    row: Tensor  # log-probabilities (batch, vocab)
    tokens: Tensor  # (batch, max_tokens), the likeliest
    token_log_probs: Tensor


class Paths(NamedTuple):
    """Paths of prefixes that one more token can follow: log of their sum, of the likeliest, and its trace."""

    total: Tensor
    best: Tensor
    trace: Tensor


def empty_prefix(batch: int, beam_width: int, tables: TensorTables, device: torch.device) -> Beams:
    """Beams before the first frame: the empty prefix in the first place."""

    shape = (batch, beam_width)
    weights_and_gains = [*[-math.inf] * 4, *[0.0] * 2]
    numbers = [1, 0, BLANK_ID, *tables.start, _NONE, _NONE, _NONE]
    beams = Beams(
        *(torch.full(shape, value, dtype=torch.float64, device=device) for value in weights_and_gains),
        *(torch.full(shape, number, dtype=torch.int64, device=device) for number in numbers),
    )
    beams.blank[:, 0] = beams.best_blank[:, 0] = 0.0
    return beams


def all_paths(beams: Beams) -> Paths:
    """The paths of each prefix, whether they end in blank or not."""
    return Paths(
        torch.logaddexp(beams.blank, beams.last),
        torch.maximum(beams.best_blank, beams.best_last),
        torch.where(beams.best_blank >= beams.best_last, beams.trace_blank, beams.trace_last),
    )


def next_beams(
    beams: Beams, frame: Frame, tables: TensorTables, beam_threshold: float, places: Int[Tensor, "beams"]
) -> tuple[Beams, Links]:
    """The beams after one more frame, and the links for the history; `places` are those of what starts here."""
    paths = all_paths(beams)
    is_parent = _is_parent(beams, paths.total > -math.inf)
    kept, is_new_trace = _keep_prefixes(beams, paths, frame.row, is_parent)
    gain, state, weight = _extend(beams, paths, frame, is_parent, tables)

    source, grown, choice, is_left = _choose(torch.logaddexp(kept.blank, kept.last), weight, beam_threshold)

    def grow(new: Tensor, old: Tensor) -> Tensor:
        """The new value for chosen candidates, the old one for other prefixes."""
        return torch.where(grown, new.flatten(1).gather(1, source * new.shape[2] + choice), old)

    kept = Beams.unpack(*(part.gather(2, source.expand(part.shape)) for part in kept.pack()))
    token = torch.where(grown, frame.tokens.gather(1, choice), kept.token)
    gain_of_token = grow(gain, kept.gain)
    before = _paths_before(beams, paths, source, token)
    best_grown = before.best + frame.token_log_probs.gather(1, choice) + gain_of_token
    trace_parent = torch.where(grown, before.trace, kept.trace_last)
    after = Beams(
        blank=kept.blank.masked_fill(grown | ~is_left, -math.inf),
        last=grow(weight, kept.last).masked_fill(~is_left, -math.inf),
        best_blank=kept.best_blank.masked_fill(grown, -math.inf),
        best_last=torch.where(grown, best_grown, kept.best_last),
        gain=gain_of_token,
        total_gain=torch.where(grown, kept.total_gain + gain_of_token, kept.total_gain),
        key=torch.where(grown, _key(kept.key, token), kept.key),
        parent_key=torch.where(grown, kept.key, kept.parent_key),
        token=token,
        lm_state=grow(state.lm_state, kept.lm_state),
        node=grow(state.node, kept.node),
        hotword_state=grow(state.hotword_state, kept.hotword_state),
        prefix=torch.where(grown, places, kept.prefix),
        trace_blank=kept.trace_blank,
        trace_last=torch.where(grown | is_new_trace.gather(1, source), places, trace_parent),
    )
    return after, Links(kept.prefix, token, trace_parent)


def _choose(kept: Tensor, candidates: Tensor, beam_threshold: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The best of the weights of prefixes (batch, beams) and of candidates (batch, beams, tokens), best first.

    Returns, (batch, beams) each: the prefix, whether it has grown, by which token, and whether it is kept at all.
    """
    weights = torch.cat([kept[:, :, None], candidates], dim=2)  # column 0: the prefix as it is
    best, chosen = weights.flatten(1).topk(kept.shape[1])
    column = chosen % weights.shape[2]
    is_left = best >= best[:, :1] - beam_threshold
    return chosen // weights.shape[2], column > 0, (column - 1).clamp(min=0), is_left


def _key(key: Tensor, token: Tensor) -> Tensor:
    """The hash of a prefix and one more token."""
    mixed = (key + token) * _GOLDEN_RATIO
    return mixed ^ (mixed >> 32)


def _is_parent(beams: Beams, is_there: Tensor) -> Tensor:
    """[:, i, j]: prefix j is prefix i and one token more."""
    pairs = is_there[:, :, None] & is_there[:, None, :]
    return pairs & (beams.key[:, :, None] == beams.parent_key[:, None, :])


def _paths_before(beams: Beams, paths: Paths, source: Tensor, token: Tensor) -> Paths:
    """The paths of prefix `source` that `token` can follow: after the same token, only those that end in blank."""
    is_repeat = beams.token.gather(1, source) == token
    after_blank = Paths(beams.blank, beams.best_blank, beams.trace_blank)
    pairs = zip(after_blank, paths, strict=True)
    return Paths(*(torch.where(is_repeat, a.gather(1, source), b.gather(1, source)) for a, b in pairs))


def _keep_prefixes(beams: Beams, paths: Paths, row: Tensor, is_parent: Tensor) -> tuple[Beams, Tensor]:
    """The same prefixes after a blank, the last token repeated, or the last token from the parent; and whether the
    likeliest path is one of the latter.
    """
    blank_log_prob, log_prob = row[:, BLANK_ID, None], row.gather(1, beams.token)
    has_parent, parent = is_parent.max(dim=1)
    before = _paths_before(beams, paths, parent, beams.token)
    from_parent = (log_prob + beams.gain).masked_fill(~has_parent, -math.inf)
    best_repeated, best_from_parent = beams.best_last + log_prob, before.best + from_parent
    is_new_trace = best_from_parent > best_repeated
    kept = beams._replace(
        blank=paths.total + blank_log_prob,
        best_blank=paths.best + blank_log_prob,
        trace_blank=paths.trace,
        last=torch.logaddexp(beams.last + log_prob, before.total + from_parent),
        best_last=torch.maximum(best_repeated, best_from_parent),
        trace_last=torch.where(is_new_trace, before.trace, beams.trace_last),
    )
    return kept, is_new_trace


def _extend(
    beams: Beams, paths: Paths, frame: Frame, is_parent: Tensor, tables: TensorTables
) -> tuple[Tensor, FusionState, Tensor]:
    """(gain, state, weight) of each prefix with each of the likeliest tokens, (batch, beams, tokens).

    The weight is -inf if the longer prefix is in the beam: `_keep_prefixes` has added these paths to it.
    """
    gain, state = tables.advance(beams.fusion_state, frame.tokens)
    is_last = beams.token[:, :, None] == frame.tokens[:, None]
    weight = torch.where(is_last, beams.blank[:, :, None], paths.total[:, :, None])
    weight = weight + frame.token_log_probs[:, None] + gain
    is_in_beam = is_parent.float() @ is_last.float() > 0
    return gain, state, weight.masked_fill(is_in_beam, -math.inf)
