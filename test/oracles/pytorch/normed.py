"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, cross_entropy, glorot, mean_of, normal, orthogonal, real, uniform


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


class NormedLstm(Recurrent):
    """LSTM with layer normalisation (Ba, Kiros & Hinton 2016)."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W_f = glorot(H, I)
        self.W_i = glorot(H, I)
        self.W_g = glorot(H, I)
        self.W_o = glorot(H, I)
        self.U_f = orthogonal(H, H)
        self.U_i = orthogonal(H, H)
        self.U_g = orthogonal(H, H)
        self.U_o = orthogonal(H, H)
        self.f_layer_norm = LayerNorm(H)
        self.i_layer_norm = LayerNorm(H)
        self.g_layer_norm = LayerNorm(H)
        self.o_layer_norm = LayerNorm(H)
        self.h_layer_norm = LayerNorm(H)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H), c=self.zeros(lead, self.H))

    def step(self, x, state):
        h, c = state.h, state.c
        f = torch.sigmoid(self.f_layer_norm(F.linear(x, self.W_f) + F.linear(h, self.U_f)) + 1)
        i = torch.sigmoid(self.i_layer_norm(F.linear(x, self.W_i) + F.linear(h, self.U_i)))
        g = torch.tanh(self.g_layer_norm(F.linear(x, self.W_g) + F.linear(h, self.U_g)))
        o = torch.sigmoid(self.o_layer_norm(F.linear(x, self.W_o) + F.linear(h, self.U_o)))
        c_next = f * c + i * g
        h_next = o * torch.tanh(self.h_layer_norm(c_next))
        return Lines(value=h_next, state=Lines(h=h_next, c=c_next))

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
        "h.f_layer_norm.gain": "h.f.layer_norm.gain",
        "h.f_layer_norm.bias": "h.f.layer_norm.bias",
        "h.i_layer_norm.gain": "h.i.layer_norm.gain",
        "h.i_layer_norm.bias": "h.i.layer_norm.bias",
        "h.g_layer_norm.gain": "h.g.layer_norm.gain",
        "h.g_layer_norm.bias": "h.g.layer_norm.bias",
        "h.o_layer_norm.gain": "h.o.layer_norm.gain",
        "h.o_layer_norm.bias": "h.o.layer_norm.bias",
        "h.h_layer_norm.gain": "h.h.layer_norm.gain",
        "h.h_layer_norm.bias": "h.h.layer_norm.bias",
    }

    def __init__(self, Char=6, Tag=3):
        super().__init__()
        self.x = Embed(Char, 4)
        self.h = NormedLstm(4, 5)
        self.logits = Linear(5, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        h = self.h(x, lengths=lengths_T)
        logits = self.logits(h)
        return logits

    def loss(self, input, tags, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        logits = self(input, lengths_T=lengths_T)
        loss = cross_entropy(logits, tags)
        return mean_of(loss, tags >= 0, real(loss, -1, lengths_T))

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h]:
            cell.carry, cell.kept = carry, None
