"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, count, cross_entropy, mean_of, normal, total, uniform


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


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
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.x = Embed(Char, 3)
        self.h = Rnn(3, 3)
        self.loss_linear = Linear(3, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        h = self.h(x, lengths=lengths_T)
        k = total(h, -2, lengths_T) / count(input, -1, lengths_T)[..., None]
        return self.loss_linear(k)

    def loss(self, input, tag, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        scores = self(input, lengths_T=lengths_T)
        return mean_of(cross_entropy(scores, tag), tag >= 0)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h]:
            cell.carry, cell.kept = carry, None
