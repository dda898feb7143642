"""Rows, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, cross_entropy, glorot, join, mean_of, uniform


class Rnn(Recurrent):
    """Elman's network (1990): the new state is one squashed sum.
    `activation: relu` for the rectified kind.
    """

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W = glorot(H, I)
        self.U = uniform(H, H, within=1 / math.sqrt(H))
        self.b = constant(H)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H))

    def step(self, x, state):
        h = state.h
        h_next = torch.relu(F.linear(x, self.W) + F.linear(h, self.U) + self.b)
        return Lines(value=h_next, state=Lines(h=h_next))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-2]), state, lengths)
        for x_t in x.unbind(-2):
            run.take(self.step(x_t, run.state))
        return run.end({"value": -2})


class Linear(nn.Module):
    """y = W x + b"""

    def __init__(self, I, O):
        super().__init__()
        self.W = uniform(O, I, within=1 / math.sqrt(I))
        self.b = constant(O)

    def forward(self, x):
        y = F.linear(x, self.W) + self.b
        return y


class Rows(nn.Module):
    """The model Rows."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {}

    def __init__(self, Digit=3):
        super().__init__()
        self.h = Rnn(5, 7)
        self.logits = Linear(14, Digit)

    def forward(self, image):
        """image [B, 6, 5]."""
        h = self.h(image)
        pooled = h.value.amax(-2) - h.value.amin(-2)
        logits = self.logits(join(h.last.h, pooled))
        return logits

    def loss(self, image, digit):
        """What training minimises: the mean over everything that is there."""
        logits = self(image)
        return mean_of(cross_entropy(logits, digit), digit >= 0)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h]:
            cell.carry, cell.kept = carry, None
