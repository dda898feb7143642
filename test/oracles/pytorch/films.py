"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, convolve, cross_entropy, max_pool, mean_of, uniform


class Conv(nn.Module):
    """Convolution: the same small window of weights at every place of the image."""

    def __init__(self, C, O, window):
        super().__init__()
        self.W = uniform(O, C, window, window, within=1 / math.sqrt(window * window * C))
        self.b = constant(O)

    def forward(self, x):
        stride = 1
        y = convolve(x, self.W) + self.b[..., None, None]
        return y


class Seeing(Recurrent):
    """A recurrent cell whose state is an image (Shi et al. 2015)."""

    def __init__(self, C, Y, X, H):
        super().__init__()
        self.Y = Y
        self.X = X
        self.H = H
        self.h_conv = Conv(C, H, 3)
        self.h_conv_2 = Conv(H, H, 3)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H, self.Y, self.X))

    def step(self, x, state):
        h = state.h
        h_next = torch.tanh(self.h_conv(x) + self.h_conv_2(h))
        return Lines(value=h_next, state=Lines(h=h_next))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-4]), state, lengths)
        for x_t in x.unbind(-4):
            run.take(self.step(x_t, run.state))
        return run.end({"value": -4})


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
        "h_conv.W": "h.conv.W",
        "h_conv.b": "h.conv.b",
        "h.h_conv.W": "h.h.conv.W",
        "h.h_conv.b": "h.h.conv.b",
        "h.h_conv_2.W": "h.h.conv_2.W",
        "h.h_conv_2.b": "h.h.conv_2.b",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Tag=3):
        super().__init__()
        self.h_conv = Conv(1, 2, 3)
        self.h = Seeing(2, 2, 3, 3)
        self.loss_linear = Linear(3, Tag)

    def forward(self, film, lengths_T=None):
        """film [B, T, 1, 4, 6]."""
        h = self.h(max_pool(self.h_conv(film), 2), lengths=lengths_T)
        return self.loss_linear(h.last.h.mean((-2, -3)))

    def loss(self, film, tag, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        scores = self(film, lengths_T=lengths_T)
        return mean_of(cross_entropy(scores, tag), tag >= 0)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h]:
            cell.carry, cell.kept = carry, None
