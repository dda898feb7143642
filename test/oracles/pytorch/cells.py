"""Speeds, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import Lines, Recurrent, Run, constant, glorot, join, mean_of, mse, orthogonal, real, uniform, variance


class Gated(Recurrent):
    """One gate forgets and resets."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W_f = glorot(H, I)
        self.U_f = uniform(H, H, within=1 / math.sqrt(H))
        self.b_f = constant(H, value=1)
        self.W_g = orthogonal(H, I)
        self.U_g = uniform(H, H, within=1 / math.sqrt(H))
        self.b_g = constant(H)

    def initial(self, lead):
        return Lines(h=self.zeros(lead, self.H))

    def step(self, x, state):
        h = state.h
        f = torch.sigmoid(F.linear(x, self.W_f) + F.linear(h, self.U_f) + self.b_f)  # what to keep
        g = torch.tanh(F.linear(x, self.W_g) + F.linear(f * h, self.U_g) + self.b_g)
        h_next = f * h + (1 - f) * g
        return Lines(value=h_next, state=Lines(h=h_next))


class Linear(nn.Module):
    """y = W x + b"""

    def __init__(self, I, O):
        super().__init__()
        self.W = uniform(O, I, within=1 / math.sqrt(I))
        self.b = constant(O)

    def forward(self, x):
        y = F.linear(x, self.W) + self.b
        return y


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


class TwoSpeeds(Recurrent):
    """The cell two_speeds."""

    def __init__(self, I, H):
        super().__init__()
        self.fast = Gated(I, H)
        self.gate_linear = Linear(H, 1)
        self.slow = Gru(H, H)

    def initial(self, lead):
        return Lines(fast=self.fast.initial(lead), slow=self.slow.initial(lead))

    def step(self, x, state):
        fast_now = self.fast.step(x, state.fast)
        fast_state = fast_now.state
        fast = fast_now
        gate = torch.sigmoid(self.gate_linear(fast.value) - 2)
        slow_now = self.slow.step(gate * fast.value, state.slow)
        slow_state = slow_now.state
        slow = slow_now
        both = join(fast.value, slow.value)
        return Lines(value=both, state=Lines(fast=fast_state, slow=slow_state))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-2]), state, lengths)
        for x_t in x.unbind(-2):
            run.take(self.step(x_t, run.state))
        return run.end({"value": -2}).value


class SlowStart(Recurrent):
    """The cell slow_start."""

    def __init__(self, I, H):
        super().__init__()
        self.H = H
        self.W = uniform(2 * H, I, within=1 / math.sqrt(I))

    def initial(self, lead):
        return Lines(a=self.zeros(lead, self.H) + 1, b=self.zeros(lead, self.H) + 1, n=self.zeros(lead, 1) + 2)

    def step(self, x, state, t=torch.tensor(0)):
        a, b, n = state.a, state.b, state.n
        pace = 0.5
        z = F.linear(x, self.W)
        a_next = (a + pace * z[..., 0:self.H]).clamp(-1, 1)
        b_next = torch.where((t % 2 == 0)[..., None], b, b * (1 - pace) + z[..., self.H:2 * self.H] * pace)
        n_next = n + 1
        y = join(a_next, b_next) / torch.sqrt((a_next ** 2).mean(-1) + n_next[..., 0])[..., None] - variance(z, -1, None)[..., None]
        return Lines(value=y, state=Lines(a=a_next, b=b_next, n=n_next))

    def forward(self, x, state=None, lengths=None):
        run = Run(self, self.initial(x.shape[:-2]), state, lengths)
        for t, x_t in enumerate(x.unbind(-2)):
            run.take(self.step(x_t, run.state, t=torch.tensor(t)))
        return run.end({"value": -2}).value


class Speeds(nn.Module):
    """The model Speeds."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {
        "h.gate_linear.W": "h.gate.linear.W",
        "h.gate_linear.b": "h.gate.linear.b",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self):
        super().__init__()
        self.h = TwoSpeeds(5, 4)
        self.s = SlowStart(8, 2)
        self.loss_linear = Linear(4, 1)

    def forward(self, x, lengths_T=None):
        """x [B, T, 5]."""
        h = self.h(x, lengths=lengths_T)
        s = self.s(h, lengths=lengths_T)
        return self.loss_linear(s)

    def loss(self, x, y, lengths_T=None):
        """What training minimises: the mean over everything that is there."""
        scores = self(x, lengths_T=lengths_T)
        loss = mse(scores, y.nan_to_num())
        return mean_of(loss, ~torch.isnan(y), real(loss, -2, lengths_T), inner=1)

    def carry_on(self, carry=True):
        """Whether a call starts from the state that the call before ended with, as windows of a running text do. Forgets what was kept."""
        for cell in [self.h, self.s]:
            cell.carry, cell.kept = carry, None
