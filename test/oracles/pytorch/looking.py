"""Translate, exported by Unroll from its source; see README.md.

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
    mean,
    mean_of,
    normal,
    number,
    real,
    softmax,
    total,
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


class Linear(nn.Module):
    """y = W x + b"""

    def __init__(self, I, O):
        super().__init__()
        self.W = uniform(O, I, within=1 / math.sqrt(I))
        self.b = constant(O)

    def forward(self, x):
        y = F.linear(x, self.W) + self.b
        return y


class Looking(Recurrent):
    """Looks back at the source before each step."""

    def __init__(self, E, K, H):
        super().__init__()
        self.H = H
        self.W = uniform(H, H, within=1 / math.sqrt(H))
        self.U = uniform(K, H, within=1 / math.sqrt(K))
        self.v = constant(H)
        self.s_linear = Linear(K, H)
        self.s = Gru(E + K, H)

    def initial(self, lead, source):
        return Lines(s=self.zeros(lead, self.H) + torch.tanh(self.s_linear(source.select(-2, 0))))

    def step(self, y, source, state, t=torch.tensor(0), lengths_S=None):
        s = state.s
        scores = torch.tanh(F.linear(s, self.W)[..., None, :] + source @ self.U) @ self.v
        weights = softmax(scores, -1, lengths_S, where=number(torch.arange(source.shape[-2], device=y.device)) <= t[..., None])
        context = torch.einsum("...a,...ac->...c", weights, source)
        s_next = self.s.step(join(y, context), Lines(h=s)).value
        return Lines(value=s_next, state=Lines(s=s_next), weights=weights)

    def forward(self, y, source, state=None, lengths=None, lengths_S=None):
        run = Run(self, self.initial(y.shape[:-2], source), state, lengths)
        for t, y_t in enumerate(y.unbind(-2)):
            run.take(self.step(y_t, source, run.state, t=torch.tensor(t), lengths_S=lengths_S))
        return run.end({"value": -2, "weights": -2})


class Translate(nn.Module):
    """The model Translate."""

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
        "decoder_embed.table": "decoder.embed.table",
        "decoder.s_linear.W": "decoder.s.linear.W",
        "decoder.s_linear.b": "decoder.s.linear.b",
    }

    def __init__(self, English=5, French=4):
        super().__init__()
        self.encoder_embed = Embed(English, 6)
        self.encoder = Bidirectional(6, 4)
        self.decoder_embed = Embed(French, 5)
        self.decoder = Looking(5, 8, 6)
        self.logits = Linear(6, French)

    def forward(self, source, target, lengths_S=None, lengths_T=None):
        """source [B, S] of classes; target [B, T] of classes."""
        encoder = self.encoder(self.encoder_embed(source), lengths_T=lengths_S)
        decoder = self.decoder(self.decoder_embed(target), encoder, lengths=lengths_T, lengths_S=lengths_S)
        logits = self.logits(decoder.value)
        return logits

    def loss(self, source, target, next_target=None, lengths_S=None, lengths_T=None):
        """What training minimises: the mean over everything that is there.

        next_target: what target holds one step later, below 0 (or NaN) where nothing follows; taken from target itself where it is not given.
        """
        if next_target is None:
            next_target = ahead(target, -1, lengths_T)
        encoder = self.encoder(self.encoder_embed(source), lengths_T=lengths_S)
        decoder = self.decoder(self.decoder_embed(target), encoder, lengths=lengths_T, lengths_S=lengths_S)
        logits = self.logits(decoder.value)
        missed = mean((1 - total(decoder.weights, -2, lengths_T)) ** 2, -1, lengths_S)
        loss = cross_entropy(logits, next_target) + missed[..., None]
        return mean_of(loss, (next_target >= 0), real(loss, -1, lengths_T))

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.encoder.forward_]:
            cell.carry, cell.kept = carry, None
