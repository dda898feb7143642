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
    ahead,
    constant,
    cross_entropy,
    glorot,
    join,
    mean_of,
    normal,
    real,
    softmax,
    spread,
    turned,
    uniform,
)


class Gru(Recurrent):
    """Gated recurrent unit as PyTorch, Keras 2 and cuDNN compute it: the reset gate acts after the product with U."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W_r = glorot(H, I)
        self.U_r = uniform(H, H, within=1 / math.sqrt(H))
        self.b_r = constant(H)
        self.W_z = glorot(H, I)
        self.U_z = uniform(H, H, within=1 / math.sqrt(H))
        self.b_z = constant(H)
        self.W_n = glorot(H, I)
        self.U_n = uniform(H, H, within=1 / math.sqrt(H))
        self.b_n = constant(H)
        self.d_n = constant(H)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H))

    def step(self, x, state):
        h = state.h
        r = torch.sigmoid(F.linear(x, self.W_r) + F.linear(h, self.U_r) + self.b_r)  # reset gate: what of the past the candidate may see
        z = torch.sigmoid(F.linear(x, self.W_z) + F.linear(h, self.U_z) + self.b_z)  # update gate: what of the past to keep
        n = torch.tanh(F.linear(x, self.W_n) + self.b_n + r * (F.linear(h, self.U_n) + self.d_n))  # candidate
        h_next = (1 - z) * n + z * h
        return Lines(value=h_next, state=Lines(h=h_next))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-2]), state, lengths)
        for x_t in x.unbind(-2):
            run.take(self.step(x_t, run.state))
        return run.end({"value": -2}).value


class Bidirectional(nn.Module):
    """Two runs over the sequence, one from each end, side by side (Schuster & Paliwal 1997)."""

    def __init__(self, I, H):
        super().__init__()
        self.forward_ = Gru(I, H)
        self.backward = Gru(I, H)

    def forward(self, x, lengths_T=None):
        forward = self.forward_(x, lengths=lengths_T)
        backward = turned(self.backward(turned(x, -2, lengths_T), lengths=lengths_T), -2, lengths_T)  # back in the order of the input
        both = join(forward, backward)
        return both


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


class Dot(nn.Module):
    """Multiplicative attention, "dot" (Luong, Pham & Manning 2015)."""

    def __init__(self):
        super().__init__()

    def forward(self, query, keys, lengths_S=None):
        scores = torch.einsum("...ab,...b->...a", keys, query)
        weights = softmax(scores, -1, lengths_S)
        context = torch.einsum("...a,...ac->...c", weights, keys)
        return context


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
        "encoder_embed.table": "encoder.embed.table",
        "encoder.forward_.W_r": "encoder.forward.W_r",
        "encoder.forward_.U_r": "encoder.forward.U_r",
        "encoder.forward_.b_r": "encoder.forward.b_r",
        "encoder.forward_.W_z": "encoder.forward.W_z",
        "encoder.forward_.U_z": "encoder.forward.U_z",
        "encoder.forward_.b_z": "encoder.forward.b_z",
        "encoder.forward_.W_n": "encoder.forward.W_n",
        "encoder.forward_.U_n": "encoder.forward.U_n",
        "encoder.forward_.b_n": "encoder.forward.b_n",
        "encoder.forward_.d_n": "encoder.forward.d_n",
        "h_embed.table": "h.embed.table",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.encoder_embed = Embed(Char, 3)
        self.encoder = Bidirectional(3, 2)
        self.h_embed = Embed(Tag, 3)
        self.h = Gru(3, 4)
        self.seen = Dot()
        self.loss_linear = Linear(8, Tag)

    def forward(self, source, target, lengths_S=None, lengths_T=None):
        """source [B, S] of classes; target [B, T] of classes."""
        encoder = self.encoder(self.encoder_embed(source), lengths_T=lengths_S)
        h = self.h(self.h_embed(target), lengths=lengths_T)
        seen = self.seen(h, spread(encoder, -3), lengths_S=spread(lengths_S, -1))
        return self.loss_linear(join(h, seen))

    def loss(self, source, target, next_target=None, lengths_S=None, lengths_T=None):
        """What training minimises: the mean over everything that is there.

        next_target: what target holds one step later, below 0 (or NaN) where nothing follows; taken from target itself where it is not given.
        """
        if next_target is None:
            next_target = ahead(target, -1, lengths_T)
        scores = self(source, target, lengths_S=lengths_S, lengths_T=lengths_T)
        loss = cross_entropy(scores, next_target)
        return mean_of(loss, next_target >= 0, real(loss, -1, lengths_T))

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.encoder.forward_, self.h]:
            cell.carry, cell.kept = carry, None
