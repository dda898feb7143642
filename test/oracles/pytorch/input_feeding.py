"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, ahead, constant, cross_entropy, glorot, join, mean_of, normal, real, softmax, uniform


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
        return run.end({"value": -2})


class Embed(nn.Module):
    """A row of a table for each class."""

    def __init__(self, V, E):
        super().__init__()
        self.table = normal(V, E, deviation=math.sqrt(3))

    def forward(self, token):
        vector = self.table[token]
        return vector


class Lstm2(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000)."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W_f = uniform(H, I, within=1 / math.sqrt(I))
        self.U_f = uniform(H, H, within=1 / math.sqrt(H))
        self.b_f = constant(H, value=1)
        self.W_i = uniform(H, I, within=1 / math.sqrt(I))
        self.U_i = uniform(H, H, within=1 / math.sqrt(H))
        self.b_i = constant(H)
        self.W_g = uniform(H, I, within=1 / math.sqrt(I))
        self.U_g = uniform(H, H, within=1 / math.sqrt(H))
        self.b_g = constant(H)
        self.W_o = uniform(H, I, within=1 / math.sqrt(I))
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
        return run.end({"value": -2})


class InputFeedingDecoder(Recurrent):
    """A decoder that steps first and looks afterwards; what it saw is fed to its next step (Luong, Pham & Manning 2015)."""

    def __init__(self, E, K, H):
        super().__init__()
        self.H = H
        self.W_a = uniform(K, H, within=1 / math.sqrt(K))
        self.W_c = glorot(H, K + H)
        self.s = Lstm(E + K, H)

    def initial(self, lead, start):
        return Lines(s=start, seen=self.zeros(lead, self.H))

    def step(self, y, source, start, state, lengths_S=None):
        s, seen = state.s, state.seen
        s_next = self.s.step(join(y, seen), s)
        scores = torch.einsum("...ab,...b->...a", source @ self.W_a, s_next.value)
        weights = softmax(scores, -1, lengths_S)
        context = torch.einsum("...a,...ac->...c", weights, source)
        seen_next = torch.tanh(F.linear(join(context, s_next.value), self.W_c))
        return Lines(value=seen_next, state=Lines(s=s_next.state, seen=seen_next))

    def forward(self, y, source, start, state=None, lengths=None, lengths_S=None):
        run = Run(self, self.initial(y.shape[:-2], start), state, lengths)
        for y_t in y.unbind(-2):
            run.take(self.step(y_t, source, start, run.state, lengths_S=lengths_S))
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
        "encoder_embed.table": "encoder.embed.table",
        "encoder.0.W_f": "encoder[0].W_f",
        "encoder.0.U_f": "encoder[0].U_f",
        "encoder.0.b_f": "encoder[0].b_f",
        "encoder.0.W_i": "encoder[0].W_i",
        "encoder.0.U_i": "encoder[0].U_i",
        "encoder.0.b_i": "encoder[0].b_i",
        "encoder.0.W_g": "encoder[0].W_g",
        "encoder.0.U_g": "encoder[0].U_g",
        "encoder.0.b_g": "encoder[0].b_g",
        "encoder.0.W_o": "encoder[0].W_o",
        "encoder.0.U_o": "encoder[0].U_o",
        "encoder.0.b_o": "encoder[0].b_o",
        "encoder.1.W_f": "encoder[1].W_f",
        "encoder.1.U_f": "encoder[1].U_f",
        "encoder.1.b_f": "encoder[1].b_f",
        "encoder.1.W_i": "encoder[1].W_i",
        "encoder.1.U_i": "encoder[1].U_i",
        "encoder.1.b_i": "encoder[1].b_i",
        "encoder.1.W_g": "encoder[1].W_g",
        "encoder.1.U_g": "encoder[1].U_g",
        "encoder.1.b_g": "encoder[1].b_g",
        "encoder.1.W_o": "encoder[1].W_o",
        "encoder.1.U_o": "encoder[1].U_o",
        "encoder.1.b_o": "encoder[1].b_o",
        "decoder_embed.table": "decoder.embed.table",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.encoder_embed = Embed(Char, 3)
        self.encoder = nn.ModuleList([Lstm(3, 4), Lstm2(4, 4)])
        self.decoder_embed = Embed(Tag, 4)
        self.decoder = InputFeedingDecoder(4, 4, 4)
        self.loss_linear = Linear(4, Tag)

    def forward(self, source, target, lengths_S=None, lengths_T=None):
        """source [B, S] of classes; target [B, T] of classes."""
        encoder_0 = self.encoder[0](self.encoder_embed(source), lengths=lengths_S)
        encoder = self.encoder[1](F.dropout(encoder_0.value, 0.2, self.training), lengths=lengths_S)
        decoder = self.decoder(self.decoder_embed(target), encoder.value, encoder.last, lengths=lengths_T, lengths_S=lengths_S)
        return self.loss_linear(decoder)

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
        for cell in [self.encoder[0], self.encoder[1], self.decoder]:
            cell.carry, cell.kept = carry, None
