"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, convolve, cross_entropy, glorot, join, max_pool, mean_of, mean_pool, places, uniform


class ChannelNorm(nn.Module):
    """Each channel to mean 0 and variance 1 over the image, then a learned scale.
    There is no batch normalisation: no line of the language ever sees another example.
    """

    def __init__(self, C):
        super().__init__()
        self.gain = constant(C, value=1)
        self.bias = constant(C)

    def forward(self, x):
        centred = x - x.mean((-2, -1))[..., None, None]
        normed = centred / torch.sqrt((centred ** 2).mean((-2, -1)) + 0.00001)[..., None, None]
        y = self.gain[..., None, None] * normed + self.bias[..., None, None]
        return y


class Conv(nn.Module):
    """Convolution: the same small window of weights at every place of the image."""

    def __init__(self, C, O, window):
        super().__init__()
        self.W = uniform(O, C, window, window, within=1 / math.sqrt(window * window * C))
        self.b = constant(O)

    def forward(self, x):
        stride = 1
        y = convolve(x, self.W) + self.b[..., None, None]
        return y


class ConvBlock(nn.Module):
    """Convolution, normalisation, rectifier, and half the size."""

    def __init__(self, C, O):
        super().__init__()
        self.seen_conv = Conv(C, O, 3)
        self.seen_channel_norm = ChannelNorm(O)

    def forward(self, x):
        seen = torch.relu(self.seen_channel_norm(self.seen_conv(x)))
        y = max_pool(seen, 2)
        return y


class Conv2(nn.Module):
    """Convolution: the same small window of weights at every place of the image."""

    def __init__(self, C, O, window):
        super().__init__()
        self.W = uniform(O, C, window, window, within=1 / math.sqrt(window * window * C))
        self.b = constant(O)

    def forward(self, x, stride):
        y = convolve(x, self.W, 2) + self.b[..., None, None]
        return y


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


class AttendingDecoder(Recurrent):
    """A decoder that looks back at the source before each step (Bahdanau, Cho & Bengio 2014)."""

    def __init__(self, E, S, K, H):
        super().__init__()
        self.H = H
        self.W = uniform(H, H, within=1 / math.sqrt(H))
        self.U = uniform(K, H, within=1 / math.sqrt(K))
        self.v = constant(H)
        self.s = Gru(E + S, H)

    def initial(self, lead):
        return Lines(s=Lines(h=self.zeros(lead, self.H)))

    def step(self, y, source, state):
        s = state.s
        scores = torch.tanh(F.linear(s.h, self.W)[..., None, :] + source @ self.U) @ self.v
        weights = torch.softmax(scores, -1)
        context = torch.einsum("...a,...ac->...c", weights, source)
        s_next = self.s.step(join(y, context), s)
        return Lines(value=s_next.value, state=Lines(s=s_next.state))

    def forward(self, y, source, state=None, lengths=None):
        run = Run(self, self.initial(y.shape[:-2]), state, lengths)
        for y_t in y.unbind(-2):
            run.take(self.step(y_t, source, run.state))
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
        "seen_conv.W": "seen.conv.W",
        "seen_conv.b": "seen.conv.b",
        "seen.seen_conv.W": "seen.seen.conv.W",
        "seen.seen_conv.b": "seen.seen.conv.b",
        "seen.seen_channel_norm.gain": "seen.seen.channel_norm.gain",
        "seen.seen_channel_norm.bias": "seen.seen.channel_norm.bias",
        "around_conv.W": "around.conv.W",
        "around_conv.b": "around.conv.b",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Tag=3):
        super().__init__()
        self.seen_conv = Conv2(2, 3, 3)
        self.seen = ConvBlock(3, 4)
        self.around_conv = Conv2(2, 4, 2)
        self.h = AttendingDecoder(2, 4, 4, 3)
        self.loss_linear = Linear(3, Tag)

    def forward(self, image, past, lengths_T=None):
        """image [B, 2, 7, 5]; past [B, T, 2]."""
        seen = self.seen(self.seen_conv(image, 2))
        around = places(mean_pool(self.around_conv(image, 2), 3))
        h = self.h(past, places(seen), lengths=lengths_T)
        even = max_pool(image, 3).sum((-3, -2, -1)) * 0.1 + around.mean((-2, -1))
        return self.loss_linear(h.last.s.h) * even[..., None]

    def loss(self, image, past, tag, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        scores = self(image, past, lengths_T=lengths_T)
        return mean_of(cross_entropy(scores, tag), tag >= 0)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h]:
            cell.carry, cell.kept = carry, None
