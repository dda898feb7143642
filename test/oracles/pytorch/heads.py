"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import constant, cross_entropy, join, mean_of, normal, number, real, softmax, spread, uniform


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


class Attend(nn.Module):
    """One head of scaled dot-product attention (Vaswani et al. 2017). `heads: 8` at the call for eight side by side.
    `causal: true`: step t sees the places up to t only.
    """

    def __init__(self, D, M, A):
        super().__init__()
        self.A = A
        self.W_q = uniform(A, D, within=1 / math.sqrt(D))
        self.W_k = uniform(M, A, within=1 / math.sqrt(M))
        self.W_v = uniform(M, A, within=1 / math.sqrt(M))

    def forward(self, query, memory, t=torch.tensor(0), lengths_S=None):
        causal = False
        scores = torch.einsum("...ab,...b->...a", memory @ self.W_k, F.linear(query, self.W_q)) / math.sqrt(self.A)
        weights = softmax(scores, -1, lengths_S, where=(number(torch.arange(memory.shape[-2], device=query.device)) <= t[..., None]) | (not causal))
        mixture = torch.einsum("...a,...ac->...c", weights, memory @ self.W_v)
        return mixture


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
        "h.0.W_q": "h[0].W_q",
        "h.0.W_k": "h[0].W_k",
        "h.0.W_v": "h[0].W_v",
        "h.1.W_q": "h[1].W_q",
        "h.1.W_k": "h[1].W_k",
        "h.1.W_v": "h[1].W_v",
    }

    def __init__(self, Char=6, Tag=3):
        super().__init__()
        self.x = Embed(Char, 4)
        self.h = nn.ModuleList([Attend(4, 4, 3), Attend(4, 4, 3)])
        self.logits = Linear(6, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        h = join(self.h[0](x, spread(x, -3), t=torch.arange(x.shape[-2], device=input.device), lengths_S=spread(lengths_T, -1)), self.h[1](x, spread(x, -3), t=torch.arange(x.shape[-2], device=input.device), lengths_S=spread(lengths_T, -1)))
        logits = self.logits(h)
        return logits

    def loss(self, input, tags, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        logits = self(input, lengths_T=lengths_T)
        loss = cross_entropy(logits, tags)
        return mean_of(loss, tags >= 0, real(loss, -1, lengths_T))
