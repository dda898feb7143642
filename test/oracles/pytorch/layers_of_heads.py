"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, cross_entropy, glorot, join, mean_of, normal, real, uniform


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
        "h.0.W_r": "h[0][0].W_r",
        "h.0.U_r": "h[0][0].U_r",
        "h.0.b_r": "h[0][0].b_r",
        "h.0.W_z": "h[0][0].W_z",
        "h.0.U_z": "h[0][0].U_z",
        "h.0.b_z": "h[0][0].b_z",
        "h.0.W_n": "h[0][0].W_n",
        "h.0.U_n": "h[0][0].U_n",
        "h.0.b_n": "h[0][0].b_n",
        "h.0.d_n": "h[0][0].d_n",
        "h.1.W_r": "h[0][1].W_r",
        "h.1.U_r": "h[0][1].U_r",
        "h.1.b_r": "h[0][1].b_r",
        "h.1.W_z": "h[0][1].W_z",
        "h.1.U_z": "h[0][1].U_z",
        "h.1.b_z": "h[0][1].b_z",
        "h.1.W_n": "h[0][1].W_n",
        "h.1.U_n": "h[0][1].U_n",
        "h.1.b_n": "h[0][1].b_n",
        "h.1.d_n": "h[0][1].d_n",
        "h.2.W_r": "h[0][2].W_r",
        "h.2.U_r": "h[0][2].U_r",
        "h.2.b_r": "h[0][2].b_r",
        "h.2.W_z": "h[0][2].W_z",
        "h.2.U_z": "h[0][2].U_z",
        "h.2.b_z": "h[0][2].b_z",
        "h.2.W_n": "h[0][2].W_n",
        "h.2.U_n": "h[0][2].U_n",
        "h.2.b_n": "h[0][2].b_n",
        "h.2.d_n": "h[0][2].d_n",
        "h.3.W_r": "h[1][0].W_r",
        "h.3.U_r": "h[1][0].U_r",
        "h.3.b_r": "h[1][0].b_r",
        "h.3.W_z": "h[1][0].W_z",
        "h.3.U_z": "h[1][0].U_z",
        "h.3.b_z": "h[1][0].b_z",
        "h.3.W_n": "h[1][0].W_n",
        "h.3.U_n": "h[1][0].U_n",
        "h.3.b_n": "h[1][0].b_n",
        "h.3.d_n": "h[1][0].d_n",
        "h.4.W_r": "h[1][1].W_r",
        "h.4.U_r": "h[1][1].U_r",
        "h.4.b_r": "h[1][1].b_r",
        "h.4.W_z": "h[1][1].W_z",
        "h.4.U_z": "h[1][1].U_z",
        "h.4.b_z": "h[1][1].b_z",
        "h.4.W_n": "h[1][1].W_n",
        "h.4.U_n": "h[1][1].U_n",
        "h.4.b_n": "h[1][1].b_n",
        "h.4.d_n": "h[1][1].d_n",
        "h.5.W_r": "h[1][2].W_r",
        "h.5.U_r": "h[1][2].U_r",
        "h.5.b_r": "h[1][2].b_r",
        "h.5.W_z": "h[1][2].W_z",
        "h.5.U_z": "h[1][2].U_z",
        "h.5.b_z": "h[1][2].b_z",
        "h.5.W_n": "h[1][2].W_n",
        "h.5.U_n": "h[1][2].U_n",
        "h.5.b_n": "h[1][2].b_n",
        "h.5.d_n": "h[1][2].d_n",
    }

    def __init__(self, Char=6, Tag=3):
        super().__init__()
        self.x = Embed(Char, 4)
        self.h = nn.ModuleList([Gru(4, 2), Gru(4, 2), Gru(4, 2), Gru(6, 2), Gru(6, 2), Gru(6, 2)])
        self.logits = Linear(6, Tag)

    def forward(self, input, lengths_T=None):
        """input [B, T] of classes."""
        x = self.x(input)
        h_0 = join(self.h[0](x, lengths=lengths_T), self.h[1](x, lengths=lengths_T), self.h[2](x, lengths=lengths_T))
        dropped = F.dropout(h_0, 0.2, self.training)
        h = join(self.h[3](dropped, lengths=lengths_T), self.h[4](dropped, lengths=lengths_T), self.h[5](dropped, lengths=lengths_T))
        logits = self.logits(h)
        return logits

    def loss(self, input, tags, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        logits = self(input, lengths_T=lengths_T)
        loss = cross_entropy(logits, tags)
        return mean_of(loss, tags >= 0, real(loss, -1, lengths_T))

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h[0], self.h[1], self.h[2], self.h[3], self.h[4], self.h[5]]:
            cell.carry, cell.kept = carry, None
