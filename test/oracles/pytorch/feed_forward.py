"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import constant, cross_entropy, mean_of, normal, real, uniform


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


class LayerNorm(nn.Module):
    """Mean 0 and variance 1 within each vector, then a learned scale (Ba, Kiros & Hinton 2016)."""

    def __init__(self, I):
        super().__init__()
        self.gain = constant(I, value=1)
        self.bias = constant(I)

    def forward(self, x):
        centred = x - x.mean(-1)[..., None]
        normed = centred / torch.sqrt((centred ** 2).mean(-1) + 0.00001)[..., None]
        y = self.gain * normed + self.bias
        return y


class Linear(nn.Module):
    """y = W x + b"""

    def __init__(self, I, O):
        super().__init__()
        self.W = uniform(O, I, within=1 / math.sqrt(I))
        self.b = constant(O)

    def forward(self, x):
        y = F.linear(x, self.W) + self.b
        return y


class FeedForward(nn.Module):
    """Two layers with a bend between them."""

    def __init__(self, I, O, H):
        super().__init__()
        self.inner_linear = Linear(I, H)
        self.y = Linear(H, O)

    def forward(self, x):
        inner = torch.relu(self.inner_linear(x))
        y = self.y(inner)
        return y


class M(nn.Module):
    """The model M."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {
        "h_feed_forward.inner_linear.W": "h.feed_forward.inner.linear.W",
        "h_feed_forward.inner_linear.b": "h.feed_forward.inner.linear.b",
        "h_feed_forward.y.W": "h.feed_forward.y.W",
        "h_feed_forward.y.b": "h.feed_forward.y.b",
    }

    def __init__(self, Char=6, Tag=3):
        super().__init__()
        self.x = Embed(Char, 4)
        self.h_feed_forward = FeedForward(4, 5, 16)
        self.h = LayerNorm(5)
        self.logits = Linear(5, Tag)

    def forward(self, input):
        """input [B, T] of classes."""
        x = self.x(input)
        h = self.h(self.h_feed_forward(x))
        logits = self.logits(h)
        return logits

    def loss(self, input, tags, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        logits = self(input)
        loss = cross_entropy(logits, tags)
        return mean_of(loss, tags >= 0, real(loss, -1, lengths_T))
