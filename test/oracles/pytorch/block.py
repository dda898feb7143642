"""M, exported by Unroll from its source; see README.md.

Tensors have the batch first, then time, then what the source says: a line [T, H] is [B, T, H] here. Dimensions of an equation are counted
from the end. `lengths` [B] says how long each row of a padded batch is: a state stands still behind its row's end, functions along time
skip the padding, and the loss leaves it out.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from support import ahead, constant, cross_entropy, join, mean_of, normal, number, real, sinusoids, softmax, spread, uniform


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


class Linear(nn.Module):
    """y = W x + b"""

    def __init__(self, I, O):
        super().__init__()
        self.W = uniform(O, I, within=1 / math.sqrt(I))
        self.b = constant(O)

    def forward(self, x):
        y = F.linear(x, self.W) + self.b
        return y


class Attend(nn.Module):
    """One head of scaled dot-product attention (Vaswani et al. 2017). `heads: 8` at the call for eight side by side.
    `causal: true`: step t sees the places up to t only.
    """

    def __init__(self, D, M, A):
        super().__init__()
        self.A = A
        self.W_q = uniform(A, D, within=1 / math.sqrt(D))
        self.W_k = uniform(M, A, within=1 / math.sqrt(M))
        self.W_v = uniform(M, A, within=1 / math.sqrt(M))

    def forward(self, query, memory, causal, t=torch.tensor(0), lengths_S=None):
        scores = torch.einsum("...ab,...b->...a", memory @ self.W_k, F.linear(query, self.W_q)) / math.sqrt(self.A)
        weights = softmax(scores, -1, lengths_S, where=(number(torch.arange(memory.shape[-2], device=query.device)) <= t[..., None]) | (not causal))
        mixture = torch.einsum("...a,...ac->...c", weights, memory @ self.W_v)
        return mixture


class Attend2(nn.Module):
    """One head of scaled dot-product attention (Vaswani et al. 2017). `heads: 8` at the call for eight side by side.
    `causal: true`: step t sees the places up to t only.
    """

    def __init__(self, D, M, A):
        super().__init__()
        self.A = A
        self.W_q = uniform(A, D, within=1 / math.sqrt(D))
        self.W_k = uniform(M, A, within=1 / math.sqrt(M))
        self.W_v = uniform(M, A, within=1 / math.sqrt(M))

    def forward(self, query, memory, t=torch.tensor(0), lengths_S=None):
        causal = False
        scores = torch.einsum("...ab,...b->...a", memory @ self.W_k, F.linear(query, self.W_q)) / math.sqrt(self.A)
        weights = softmax(scores, -1, lengths_S, where=(number(torch.arange(memory.shape[-2], device=query.device)) <= t[..., None]) | (not causal))
        mixture = torch.einsum("...a,...ac->...c", weights, memory @ self.W_v)
        return mixture


class FeedForward(nn.Module):
    """Two layers with a bend between them."""

    def __init__(self, I, O, H):
        super().__init__()
        self.inner_linear = Linear(I, H)
        self.y = Linear(H, O)

    def forward(self, x):
        inner = torch.relu(self.inner_linear(x))
        y = self.y(inner)
        return y


class M(nn.Module):
    """The model M."""

    # What the source calls a weight, where PyTorch calls it otherwise.
    SOURCE_NAMES = {
        "memory_embed.table": "memory.embed.table",
        "y_embed.table": "y.embed.table",
        "a_attend.0.W_q": "a.attend[0].W_q",
        "a_attend.0.W_k": "a.attend[0].W_k",
        "a_attend.0.W_v": "a.attend[0].W_v",
        "a_attend.1.W_q": "a.attend[1].W_q",
        "a_attend.1.W_k": "a.attend[1].W_k",
        "a_attend.1.W_v": "a.attend[1].W_v",
        "a_linear.W": "a.linear.W",
        "a_linear.b": "a.linear.b",
        "b_layer_norm.gain": "b.layer_norm.gain",
        "b_layer_norm.bias": "b.layer_norm.bias",
        "b_attend.0.W_q": "b.attend[0].W_q",
        "b_attend.0.W_k": "b.attend[0].W_k",
        "b_attend.0.W_v": "b.attend[0].W_v",
        "b_attend.1.W_q": "b.attend[1].W_q",
        "b_attend.1.W_k": "b.attend[1].W_k",
        "b_attend.1.W_v": "b.attend[1].W_v",
        "b_linear.W": "b.linear.W",
        "b_linear.b": "b.linear.b",
        "block_layer_norm.gain": "block.layer_norm.gain",
        "block_layer_norm.bias": "block.layer_norm.bias",
        "block_feed_forward.inner_linear.W": "block.feed_forward.inner.linear.W",
        "block_feed_forward.inner_linear.b": "block.feed_forward.inner.linear.b",
        "block_feed_forward.y.W": "block.feed_forward.y.W",
        "block_feed_forward.y.b": "block.feed_forward.y.b",
        "loss_layer_norm.gain": "loss.layer_norm.gain",
        "loss_layer_norm.bias": "loss.layer_norm.bias",
        "loss_linear.W": "loss.linear.W",
        "loss_linear.b": "loss.linear.b",
    }

    def __init__(self, Char=5, Tag=4):
        super().__init__()
        self.memory_embed = Embed(Char, 4)
        self.y_embed = Embed(Tag, 4)
        self.n = LayerNorm(4)
        self.a_attend = nn.ModuleList([Attend(4, 4, 2), Attend(4, 4, 2)])
        self.a_linear = Linear(4, 4)
        self.b_layer_norm = LayerNorm(4)
        self.b_attend = nn.ModuleList([Attend2(4, 4, 3), Attend2(4, 4, 3)])
        self.b_linear = Linear(6, 4)
        self.block_layer_norm = LayerNorm(4)
        self.block_feed_forward = FeedForward(4, 4, 16)
        self.loss_layer_norm = LayerNorm(4)
        self.loss_linear = Linear(4, Tag)

    def forward(self, source, target, lengths_S=None, lengths_T=None):
        """source [B, S] of classes; target [B, T] of classes."""
        memory = self.memory_embed(source) + sinusoids(source.shape[-1], 4, source.device)
        y = self.y_embed(target) + sinusoids(target.shape[-1], 4, source.device)
        n = self.n(y)
        a = y + self.a_linear(join(self.a_attend[0](n, spread(n, -3), True, t=torch.arange(n.shape[-2], device=source.device), lengths_S=spread(lengths_T, -1)), self.a_attend[1](n, spread(n, -3), True, t=torch.arange(n.shape[-2], device=source.device), lengths_S=spread(lengths_T, -1))))
        b = a + self.b_linear(join(self.b_attend[0](self.b_layer_norm(a), spread(memory, -3), t=torch.arange((self.b_layer_norm(a)).shape[-2], device=source.device), lengths_S=spread(lengths_S, -1)), self.b_attend[1](self.b_layer_norm(a), spread(memory, -3), t=torch.arange((self.b_layer_norm(a)).shape[-2], device=source.device), lengths_S=spread(lengths_S, -1))))
        block = b + self.block_feed_forward(self.block_layer_norm(b))
        return self.loss_linear(self.loss_layer_norm(block))

    def loss(self, source, target, next_target=None, lengths_S=None, lengths_T=None):
        """What training minimises: the mean over everything that is there.

        next_target: what target holds one step later, below 0 (or NaN) where nothing follows; taken from target itself where it is not given.
        """
        if next_target is None:
            next_target = ahead(target, -1, lengths_T)
        scores = self(source, target, lengths_S=lengths_S, lengths_T=lengths_T)
        loss = cross_entropy(scores, next_target)
        return mean_of(loss, next_target >= 0, real(loss, -1, lengths_T))
