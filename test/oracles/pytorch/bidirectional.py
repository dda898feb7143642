"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, cross_entropy, glorot, join, mean_of, normal, real, turned, uniform


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


class Lstm(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000)."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W_f = glorot(H, I)
        self.U_f = uniform(H, H, within=1 / math.sqrt(H))
        self.b_f = constant(H, value=1)
        self.W_i = glorot(H, I)
        self.U_i = uniform(H, H, within=1 / math.sqrt(H))
        self.b_i = constant(H)
        self.W_g = glorot(H, I)
        self.U_g = uniform(H, H, within=1 / math.sqrt(H))
        self.b_g = constant(H)
        self.W_o = glorot(H, I)
        self.U_o = uniform(H, H, within=1 / math.sqrt(H))
        self.b_o = constant(H)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H), c=self.zeros(lead, self.H))

    def step(self, x, state):
        h, c = state.h, state.c
        f = torch.sigmoid(F.linear(x, self.W_f) + F.linear(h, self.U_f) + self.b_f)  # forget gate: what to keep of the cell
        i = torch.sigmoid(F.linear(x, self.W_i) + F.linear(h, self.U_i) + self.b_i)  # input gate: what to store
        g = torch.tanh(F.linear(x, self.W_g) + F.linear(h, self.U_g) + self.b_g)  # candidate
        o = torch.sigmoid(F.linear(x, self.W_o) + F.linear(h, self.U_o) + self.b_o)  # output gate: what to show
        c_next = f * c + i * g
        h_next = o * torch.tanh(c_next)
        return Lines(value=h_next, state=Lines(h=h_next, c=c_next))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-2]), state, lengths)
        for x_t in x.unbind(-2):
            run.take(self.step(x_t, run.state))
        return run.end({"value": -2}).value


class Bidirectional(nn.Module):
    """Two runs over the sequence, one from each end, side by side (Schuster & Paliwal 1997)."""

    def __init__(self, I, H):
        super().__init__()
        self.forward_ = Lstm(I, H)
        self.backward = Lstm(I, H)

    def forward(self, x, lengths_T=None):
        forward = self.forward_(x, lengths=lengths_T)
        backward = turned(self.backward(turned(x, -2, lengths_T), lengths=lengths_T), -2, lengths_T)  # back in the order of the input
        both = join(forward, backward)
        return both


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
        "h.0.forward_.W_f": "h[0].forward.W_f",
        "h.0.forward_.U_f": "h[0].forward.U_f",
        "h.0.forward_.b_f": "h[0].forward.b_f",
        "h.0.forward_.W_i": "h[0].forward.W_i",
        "h.0.forward_.U_i": "h[0].forward.U_i",
        "h.0.forward_.b_i": "h[0].forward.b_i",
        "h.0.forward_.W_g": "h[0].forward.W_g",
        "h.0.forward_.U_g": "h[0].forward.U_g",
        "h.0.forward_.b_g": "h[0].forward.b_g",
        "h.0.forward_.W_o": "h[0].forward.W_o",
        "h.0.forward_.U_o": "h[0].forward.U_o",
        "h.0.forward_.b_o": "h[0].forward.b_o",
        "h.0.backward.W_f": "h[0].backward.W_f",
        "h.0.backward.U_f": "h[0].backward.U_f",
        "h.0.backward.b_f": "h[0].backward.b_f",
        "h.0.backward.W_i": "h[0].backward.W_i",
        "h.0.backward.U_i": "h[0].backward.U_i",
        "h.0.backward.b_i": "h[0].backward.b_i",
        "h.0.backward.W_g": "h[0].backward.W_g",
        "h.0.backward.U_g": "h[0].backward.U_g",
        "h.0.backward.b_g": "h[0].backward.b_g",
        "h.0.backward.W_o": "h[0].backward.W_o",
        "h.0.backward.U_o": "h[0].backward.U_o",
        "h.0.backward.b_o": "h[0].backward.b_o",
        "h.1.forward_.W_f": "h[1].forward.W_f",
        "h.1.forward_.U_f": "h[1].forward.U_f",
        "h.1.forward_.b_f": "h[1].forward.b_f",
        "h.1.forward_.W_i": "h[1].forward.W_i",
        "h.1.forward_.U_i": "h[1].forward.U_i",
        "h.1.forward_.b_i": "h[1].forward.b_i",
        "h.1.forward_.W_g": "h[1].forward.W_g",
        "h.1.forward_.U_g": "h[1].forward.U_g",
        "h.1.forward_.b_g": "h[1].forward.b_g",
        "h.1.forward_.W_o": "h[1].forward.W_o",
        "h.1.forward_.U_o": "h[1].forward.U_o",
        "h.1.forward_.b_o": "h[1].forward.b_o",
        "h.1.backward.W_f": "h[1].backward.W_f",
        "h.1.backward.U_f": "h[1].backward.U_f",
        "h.1.backward.b_f": "h[1].backward.b_f",
        "h.1.backward.W_i": "h[1].backward.W_i",
        "h.1.backward.U_i": "h[1].backward.U_i",
        "h.1.backward.b_i": "h[1].backward.b_i",
        "h.1.backward.W_g": "h[1].backward.W_g",
        "h.1.backward.U_g": "h[1].backward.U_g",
        "h.1.backward.b_g": "h[1].backward.b_g",
        "h.1.backward.W_o": "h[1].backward.W_o",
        "h.1.backward.U_o": "h[1].backward.U_o",
        "h.1.backward.b_o": "h[1].backward.b_o",
    }

    def __init__(self, Char=6, Tag=3):
        super().__init__()
        self.x = Embed(Char, 4)
        self.h = nn.ModuleList([Bidirectional(4, 3), Bidirectional(6, 3)])
        self.logits = Linear(6, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        h_0 = self.h[0](x, lengths_T=lengths_T)
        h = self.h[1](h_0, lengths_T=lengths_T)
        logits = self.logits(h)
        return logits

    def loss(self, input, tags, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        logits = self(input, lengths_T=lengths_T)
        loss = cross_entropy(logits, tags)
        return mean_of(loss, tags >= 0, real(loss, -1, lengths_T))

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h[0].forward_, self.h[1].forward_]:
            cell.carry, cell.kept = carry, None
