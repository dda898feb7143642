"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, ahead, constant, cross_entropy, glorot, join, mean_of, normal, real, softmax, turned, uniform


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


class Gru2(Recurrent):
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


class Bidirectional2(nn.Module):
    """Two runs over the sequence, one from each end, side by side (Schuster & Paliwal 1997)."""

    def __init__(self, I, H):
        super().__init__()
        self.forward_ = Gru2(I, H)
        self.backward = Gru2(I, H)

    def forward(self, x, lengths_T=None):
        forward = self.forward_(x, lengths=lengths_T)
        backward = turned(self.backward(turned(x, -2, lengths_T), lengths=lengths_T), -2, lengths_T)  # back in the order of the input
        both = join(forward, backward)
        return both


class AttendingDecoder(Recurrent):
    """A decoder that looks back at the source before each step (Bahdanau, Cho & Bengio 2014)."""

    def __init__(self, E, K, H):
        super().__init__()
        self.H = H
        self.W = uniform(H, H, within=1 / math.sqrt(H))
        self.U = uniform(K, H, within=1 / math.sqrt(K))
        self.v = constant(H)
        self.s = Gru2(E + K, H)

    def initial(self, lead):
        return Lines(s=Lines(h=self.zeros(lead, self.H)))

    def step(self, y, source, state, lengths_S=None):
        s = state.s
        scores = torch.tanh(F.linear(s.h, self.W)[..., None, :] + source @ self.U) @ self.v
        weights = softmax(scores, -1, lengths_S)
        context = torch.einsum("...a,...ac->...c", weights, source)
        s_next = self.s.step(join(y, context), s)
        return Lines(value=s_next.value, state=Lines(s=s_next.state), context=context)

    def forward(self, y, source, state=None, lengths=None, lengths_S=None):
        run = Run(self, self.initial(y.shape[:-2]), state, lengths)
        for y_t in y.unbind(-2):
            run.take(self.step(y_t, source, run.state, lengths_S=lengths_S))
        return run.end({"value": -2, "context": -2})


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


class M(nn.Module):
    """The model M."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {
        "encoder.0.forward_.W_r": "encoder[0].forward.W_r",
        "encoder.0.forward_.U_r": "encoder[0].forward.U_r",
        "encoder.0.forward_.b_r": "encoder[0].forward.b_r",
        "encoder.0.forward_.W_z": "encoder[0].forward.W_z",
        "encoder.0.forward_.U_z": "encoder[0].forward.U_z",
        "encoder.0.forward_.b_z": "encoder[0].forward.b_z",
        "encoder.0.forward_.W_n": "encoder[0].forward.W_n",
        "encoder.0.forward_.U_n": "encoder[0].forward.U_n",
        "encoder.0.forward_.b_n": "encoder[0].forward.b_n",
        "encoder.0.forward_.d_n": "encoder[0].forward.d_n",
        "encoder.0.backward.W_r": "encoder[0].backward.W_r",
        "encoder.0.backward.U_r": "encoder[0].backward.U_r",
        "encoder.0.backward.b_r": "encoder[0].backward.b_r",
        "encoder.0.backward.W_z": "encoder[0].backward.W_z",
        "encoder.0.backward.U_z": "encoder[0].backward.U_z",
        "encoder.0.backward.b_z": "encoder[0].backward.b_z",
        "encoder.0.backward.W_n": "encoder[0].backward.W_n",
        "encoder.0.backward.U_n": "encoder[0].backward.U_n",
        "encoder.0.backward.b_n": "encoder[0].backward.b_n",
        "encoder.0.backward.d_n": "encoder[0].backward.d_n",
        "encoder.1.forward_.W_r": "encoder[1].forward.W_r",
        "encoder.1.forward_.U_r": "encoder[1].forward.U_r",
        "encoder.1.forward_.b_r": "encoder[1].forward.b_r",
        "encoder.1.forward_.W_z": "encoder[1].forward.W_z",
        "encoder.1.forward_.U_z": "encoder[1].forward.U_z",
        "encoder.1.forward_.b_z": "encoder[1].forward.b_z",
        "encoder.1.forward_.W_n": "encoder[1].forward.W_n",
        "encoder.1.forward_.U_n": "encoder[1].forward.U_n",
        "encoder.1.forward_.b_n": "encoder[1].forward.b_n",
        "encoder.1.forward_.d_n": "encoder[1].forward.d_n",
        "encoder.1.backward.W_r": "encoder[1].backward.W_r",
        "encoder.1.backward.U_r": "encoder[1].backward.U_r",
        "encoder.1.backward.b_r": "encoder[1].backward.b_r",
        "encoder.1.backward.W_z": "encoder[1].backward.W_z",
        "encoder.1.backward.U_z": "encoder[1].backward.U_z",
        "encoder.1.backward.b_z": "encoder[1].backward.b_z",
        "encoder.1.backward.W_n": "encoder[1].backward.W_n",
        "encoder.1.backward.U_n": "encoder[1].backward.U_n",
        "encoder.1.backward.b_n": "encoder[1].backward.b_n",
        "encoder.1.backward.d_n": "encoder[1].backward.d_n",
        "seen_linear.W": "seen.linear.W",
        "seen_linear.b": "seen.linear.b",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.read = Embed(Char, 3)
        self.encoder = nn.ModuleList([Bidirectional(3, 3), Bidirectional2(6, 3)])
        self.y = Embed(Tag, 3)
        self.decoder = AttendingDecoder(3, 6, 4)
        self.seen_linear = Linear(13, 5)
        self.seen = LayerNorm(5)
        self.loss_linear = Linear(5, Tag)

    def forward(self, source, target, lengths_S=None, lengths_T=None):
        """source [B, S] of classes; target [B, T] of classes."""
        read = F.dropout(self.read(source), 0.2, self.training)
        encoder_0 = self.encoder[0](read, lengths_T=lengths_S)
        encoder = self.encoder[1](encoder_0, lengths_T=lengths_S)
        y = F.dropout(self.y(target), 0.2, self.training)
        decoder = self.decoder(y, encoder, lengths=lengths_T, lengths_S=lengths_S)
        seen = self.seen(torch.tanh(self.seen_linear(join(decoder.value, y, decoder.context))))
        return self.loss_linear(F.dropout(seen, 0.2, self.training))

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
        for cell in [self.encoder[0].forward_, self.encoder[1].forward_, self.decoder]:
            cell.carry, cell.kept = carry, None
