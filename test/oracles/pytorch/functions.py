"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import (
    Lines,
    Recurrent,
    Run,
    argmax,
    constant,
    count,
    huber,
    join,
    mean,
    mean_of,
    normal,
    number,
    real,
    repeat,
    shifted,
    stack,
    tensor,
    uniform,
)


class Rnn(Recurrent):
    """Elman's network (1990): the new state is one squashed sum.
    `activation: relu` for the rectified kind.
    """

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W = uniform(H, I, within=1 / math.sqrt(I))
        self.U = uniform(H, H, within=1 / math.sqrt(H))
        self.b = constant(H)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H))

    def step(self, x, state):
        h = state.h
        h_next = torch.tanh(F.linear(x, self.W) + F.linear(h, self.U) + self.b)
        return Lines(value=h_next, state=Lines(h=h_next))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-2]), state, lengths)
        for x_t in x.unbind(-2):
            run.take(self.step(x_t, run.state))
        return run.end({"value": -2}).value


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


class Linear(nn.Module):
    """y = W x + b"""

    def __init__(self, I, O):
        super().__init__()
        self.W = uniform(O, I, within=1 / math.sqrt(I))
        self.b = constant(O)

    def forward(self, x):
        y = F.linear(x, self.W) + self.b
        return y


class M(nn.Module):
    """The model M."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {
        "f_embed.table": "f.embed.table",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self):
        super().__init__()
        self.h = Rnn(4, 4)
        self.f_embed = Embed(4, 2)
        self.loss_linear = Linear(2, 2)

    def forward(self, x, lengths_T=None):
        """x [B, T, 4]."""
        h = self.h(x, lengths=lengths_T)
        a = join(shifted(h, -2, 1), h.cumsum(-2))
        b = torch.exp(-torch.abs(a)) + torch.log(1 + a ** 2) * torch.sign(a) - torch.sqrt(torch.abs(a) + 0.1) + F.gelu(a) + F.softplus(a)
        c = torch.where((a > 0) & ~(a > 0.5), torch.minimum(a, b), torch.maximum(a, 0.2 * b)) + b.clamp(-0.3, 0.4) % 0.25
        d = stack(-3, c[..., :, 0:2], c[..., :, 6:8])
        e = (number(torch.arange(2, device=x.device)) + 1)[..., None] * h.select(-2, 0)[..., None, :]
        f = d.sum(-3) / torch.sqrt(count(x, -2, lengths_T))[..., None, None] + mean(repeat(e, -3, x.shape[-2]) * 0.1, (-3, -2, -1), (lengths_T, None, None))[..., None, None] + mean(self.f_embed(argmax(h, -1, None)), (-2, -1), (lengths_T, None))[..., None, None] + mean(torch.where(number(h > 0.1).amax(-1) > 0, tensor(1), tensor(0.5)), -1, lengths_T)[..., None, None] - mean(torch.where(number(h > -0.9).amin(-1) > 0, tensor(1), tensor(0.5)), -1, lengths_T)[..., None, None]
        return self.loss_linear(f)

    def loss(self, x, y, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        scores = self(x, lengths_T=lengths_T)
        loss = huber(scores, y.nan_to_num())
        return mean_of(loss, ~torch.isnan(y), real(loss, -2, lengths_T), inner=1)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h]:
            cell.carry, cell.kept = carry, None
