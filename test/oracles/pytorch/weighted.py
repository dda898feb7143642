"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import constant, cross_entropy, entropy, mean_of, normal, softmax, uniform


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
        "s_linear.W": "s.linear.W",
        "s_linear.b": "s.linear.b",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.x = Embed(Char, 3)
        self.s_linear = Linear(3, 1)
        self.h = Linear(3, 3)
        self.loss_linear = Linear(3, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        s = self.s_linear(x).sum(-1)
        w = softmax(s, -1, lengths_T)
        h = self.h(torch.einsum("...a,...ac->...c", w, x))
        return self.loss_linear(h)

    def loss(self, input, tag, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        x = self.x(input)
        s = self.s_linear(x).sum(-1)
        w = softmax(s, -1, lengths_T)
        h = self.h(torch.einsum("...a,...ac->...c", w, x))
        return mean_of(cross_entropy(self.loss_linear(h), tag) + entropy(w, -1, lengths_T), (tag >= 0))
