"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, cross_entropy, glorot, mean_of, normal, uniform


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


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
        return run.end({"value": -2})


class Gru2(Recurrent):
    """Gated recurrent unit as PyTorch, Keras 2 and cuDNN compute it: the reset gate acts after the product with U."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W_r = uniform(H, I, within=1 / math.sqrt(I))
        self.U_r = uniform(H, H, within=1 / math.sqrt(H))
        self.b_r = constant(H)
        self.W_z = uniform(H, I, within=1 / math.sqrt(I))
        self.U_z = uniform(H, H, within=1 / math.sqrt(H))
        self.b_z = constant(H)
        self.W_n = uniform(H, I, within=1 / math.sqrt(I))
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


class M(nn.Module):
    """The model M."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {
        "h_gru.0.W_r": "h.gru[0].W_r",
        "h_gru.0.U_r": "h.gru[0].U_r",
        "h_gru.0.b_r": "h.gru[0].b_r",
        "h_gru.0.W_z": "h.gru[0].W_z",
        "h_gru.0.U_z": "h.gru[0].U_z",
        "h_gru.0.b_z": "h.gru[0].b_z",
        "h_gru.0.W_n": "h.gru[0].W_n",
        "h_gru.0.U_n": "h.gru[0].U_n",
        "h_gru.0.b_n": "h.gru[0].b_n",
        "h_gru.0.d_n": "h.gru[0].d_n",
        "h_gru.1.W_r": "h.gru[1].W_r",
        "h_gru.1.U_r": "h.gru[1].U_r",
        "h_gru.1.b_r": "h.gru[1].b_r",
        "h_gru.1.W_z": "h.gru[1].W_z",
        "h_gru.1.U_z": "h.gru[1].U_z",
        "h_gru.1.b_z": "h.gru[1].b_z",
        "h_gru.1.W_n": "h.gru[1].W_n",
        "h_gru.1.U_n": "h.gru[1].U_n",
        "h_gru.1.b_n": "h.gru[1].b_n",
        "h_gru.1.d_n": "h.gru[1].d_n",
        "h.0.W_r": "h[0].W_r",
        "h.0.U_r": "h[0].U_r",
        "h.0.b_r": "h[0].b_r",
        "h.0.W_z": "h[0].W_z",
        "h.0.U_z": "h[0].U_z",
        "h.0.b_z": "h[0].b_z",
        "h.0.W_n": "h[0].W_n",
        "h.0.U_n": "h[0].U_n",
        "h.0.b_n": "h[0].b_n",
        "h.0.d_n": "h[0].d_n",
        "h.1.W_r": "h[1].W_r",
        "h.1.U_r": "h[1].U_r",
        "h.1.b_r": "h[1].b_r",
        "h.1.W_z": "h[1].W_z",
        "h.1.U_z": "h[1].U_z",
        "h.1.b_z": "h[1].b_z",
        "h.1.W_n": "h[1].W_n",
        "h.1.U_n": "h[1].U_n",
        "h.1.b_n": "h[1].b_n",
        "h.1.d_n": "h[1].d_n",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.x = Embed(Char, 3)
        self.h_gru = nn.ModuleList([Gru(3, 4), Gru2(4, 4)])
        self.h = nn.ModuleList([Gru(3, 4), Gru2(4, 4)])
        self.loss_linear = Linear(4, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        h_gru_0 = self.h_gru[0](x, lengths=lengths_T)
        h_0 = self.h[0](x, state=h_gru_0.last, lengths=lengths_T)
        h = self.h[1](h_0.value, state=self.h_gru[1](h_gru_0.value, lengths=lengths_T).last, lengths=lengths_T)
        return self.loss_linear(h.last.h)

    def loss(self, input, tag, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        scores = self(input, lengths_T=lengths_T)
        return mean_of(cross_entropy(scores, tag), tag >= 0)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h_gru[0], self.h_gru[1]]:
            cell.carry, cell.kept = carry, None
