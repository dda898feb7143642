"""What every model exported by Unroll uses: the loop over time, functions that skip padding, losses, starting values, files of weights."""

import json
import math
import struct
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F


class Lines(SimpleNamespace):
    """The lines of a call by name. `value` is its last; of a run, `last` is the state after the last real step."""


class Recurrent(nn.Module):
    """A cell with state. `step` has its equations, `forward` takes a step for each place of a sequence."""

    carry = False  # start where the call before ended, as windows of a running text do
    kept = None

    def zeros(self, lead, *shape):
        like = next(self.parameters(), torch.zeros(()))
        return like.new_zeros(*lead, *shape)


class Run:
    """A run over time: keeps what each step gives, and lets the state of a row stand still behind its end."""

    def __init__(self, cell, initial, given, lengths):
        self.cell, self.lengths, self.steps = cell, lengths, []
        if given is not None:
            initial = Lines(**{**vars(initial), **{name: value for name, value in vars(given).items() if hasattr(initial, name)}})
        elif cell.carry and cell.kept is not None:
            initial = cell.kept
        self.state = initial

    def take(self, now):
        if self.lengths is not None:  # behind the end of a row its state stays what it was
            still = choose(self.lengths > len(self.steps), now.state, self.state)
            for name, value in vars(now).items():
                for own, after in vars(now.state).items():
                    if value is after:
                        setattr(now, name, getattr(still, own))
            now.state = still
        self.state = now.state
        self.steps.append(now)

    def end(self, dims):
        """`dims`: the dimension of time in each line that is wanted."""
        if self.cell.carry:
            self.cell.kept = detached(self.state)
        lines = {name: torch.stack([getattr(now, name) for now in self.steps], dim) for name, dim in dims.items()}
        return Lines(last=self.state, **lines)


def choose(condition, new, old):
    """The new state where the condition holds; it has the dimensions before those of the state."""
    if isinstance(new, Lines):
        return Lines(**{name: choose(condition, value, getattr(old, name)) for name, value in vars(new).items()})
    return torch.where(condition.reshape(condition.shape + (1,) * (new.dim() - condition.dim())), new, old)


def detached(state):
    if isinstance(state, Lines):
        return Lines(**{name: detached(value) for name, value in vars(state).items()})
    return state.detach()


# Functions along a dimension: padding counts nowhere. `dims` counts from the end; `lengths` are those of the rows, None where all are whole.


def real(x, dim, lengths):
    """Whether a place along `dim` is real and not padding; None where all are."""
    if lengths is None:
        return None
    return along(torch.arange(x.shape[dim], device=x.device) < lengths.unsqueeze(-1), x, dim)


def along(places, x, dim):
    """What differs from row to row along one dimension, ready to be combined with x."""
    before = x.dim() + dim - (places.dim() - 1)
    return places.reshape(places.shape[:-1] + (1,) * before + places.shape[-1:] + (1,) * (-1 - dim))


def masked(x, dims, lengths, filling=0.0):
    if isinstance(dims, int):
        dims, lengths = (dims,), (lengths,)
    for dim, own in zip(dims, lengths):
        if own is not None:
            x = torch.where(real(x, dim, own), x, torch.full_like(x, filling))
    return x


def counts(x, dims, lengths, keep):
    if isinstance(dims, int):
        dims, lengths = (dims,), (lengths,)
    product = 1
    for dim, own in zip(dims, lengths):
        product = product * (x.shape[dim] if own is None else own)
    if not isinstance(product, torch.Tensor):
        return product
    return number(product).reshape(product.shape + (1,) * (x.dim() - product.dim() - (0 if keep else len(dims))))


def total(x, dims, lengths, keep=False):
    return masked(x, dims, lengths).sum(dims, keepdim=keep)


def mean(x, dims, lengths, keep=False):
    return total(x, dims, lengths, keep) / counts(x, dims, lengths, keep)


def largest(x, dims, lengths):
    return masked(x, dims, lengths, -1e30).amax(dims)


def smallest(x, dims, lengths):
    return masked(x, dims, lengths, 1e30).amin(dims)


def variance(x, dims, lengths):
    return mean((x - mean(x, dims, lengths, keep=True)) ** 2, dims, lengths)


def norm(x, dims, lengths):
    return total(x * x, dims, lengths).sqrt()


def entropy(x, dims, lengths):
    x = masked(x, dims, lengths)
    return -torch.where(x <= 0, torch.zeros_like(x), x * torch.where(x <= 0, torch.ones_like(x), x).log()).sum(dims)


def softmax(x, dim, lengths=None, where=None):
    there = real(x, dim, lengths)
    if where is not None:
        there = where if there is None else there & where
    if there is None:
        return torch.softmax(x, dim)
    return torch.where(there, torch.softmax(torch.where(there, x, torch.full_like(x, -1e30)), dim), torch.zeros_like(x))


def argmax(x, dim, lengths):
    return masked(x, dim, lengths, -1e30).argmax(dim)


def last(x, dim, lengths):
    """The last real place along a dimension."""
    if lengths is None:
        return x.select(dim, -1)
    return turned(x, dim, lengths).select(dim, 0)


def turned(x, dim, lengths):
    """Turned around within each row's length; padding stays behind."""
    if lengths is None:
        return x.flip(dim)
    place = torch.arange(x.shape[dim], device=x.device)
    own = lengths.unsqueeze(-1)
    index = along(torch.where(place < own, own - 1 - place, place), x, dim)
    return x.gather(dim, index.expand(x.shape))


def shifted(x, dim, by):
    """x[t - by]; 0 where that is outside."""
    filling = torch.zeros_like(x.narrow(dim, 0, 1))
    size = x.shape[dim]
    if by > 0:
        return torch.cat([filling, x.narrow(dim, 0, size - 1)], dim)
    return torch.cat([x.narrow(dim, 1, size - 1), filling], dim)


def has_next(x, dim, lengths):
    """Whether a step follows."""
    place = torch.arange(1, x.shape[dim] + 1, device=x.device)
    return along(place < (x.shape[dim] if lengths is None else lengths.unsqueeze(-1)), x, dim)


def ahead(x, dim, lengths=None):
    """What an input holds one step later; nothing (-1, or NaN) at the last step."""
    nothing = float("nan") if x.is_floating_point() else -1
    return torch.where(has_next(x, dim, lengths), shifted(x, dim, -1), torch.full_like(x, nothing))


def join(*parts):
    """One behind the other along the last dimension; what one has of batch or time, all get."""
    lead = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return torch.cat([part.expand(*lead, part.shape[-1]) for part in parts], -1)


def stack(dim, *parts):
    return torch.stack(torch.broadcast_tensors(*(number(tensor(part)) for part in parts)), dim)


def spread(x, *dims):
    """One more dimension of length 1 for each that is run over: the same at each of its places."""
    for dim in dims:
        x = None if x is None else x.unsqueeze(dim)
    return x


def repeat(x, dim, size):
    x = tensor(x).unsqueeze(dim)
    return x.expand(*(size if k == x.dim() + dim else length for k, length in enumerate(x.shape)))


def number(x):
    """Truth values as 0 and 1."""
    return x.to(torch.get_default_dtype()) if isinstance(x, torch.Tensor) and not x.is_floating_point() else x


def truth(x):
    return x if isinstance(x, torch.Tensor) and x.dtype == torch.bool else x != 0


def tensor(x):
    return x if isinstance(x, torch.Tensor) else torch.tensor(float(x))


def count(x, dim, lengths):
    """How long each row is."""
    return torch.tensor(float(x.shape[dim])) if lengths is None else number(lengths)


def sinusoids(steps, features, device):
    """[steps, features]: at places 2k the sine of t / 10000^(2k / features), at 2k + 1 its cosine (Vaswani et al. 2017, section 3.5)."""
    place = torch.arange(features, device=device)
    angle = number(torch.arange(steps, device=device)).unsqueeze(-1) * torch.exp(number(place // 2 * 2) * (-math.log(10_000) / features))
    return torch.where(place % 2 == 0, angle.sin(), angle.cos())


# Images [..., C, Y, X].


def convolve(x, kernel, stride=1):
    """Place j sees what is around place stride * j; outside of the image is 0."""
    pads = []
    for size, side in zip(reversed(x.shape[-2:]), reversed(kernel.shape[-2:])):
        before = (side - 1) // 2
        pads += [before, (-(-size // stride) - 1) * stride + side - before - size]
    y = F.conv2d(F.pad(x.reshape(-1, *x.shape[-3:]), pads), kernel, stride=stride)
    return y.reshape(*x.shape[:-3], *y.shape[-3:])


def windows(pool, x, n, **how):
    y = pool(x.reshape(-1, 1, *x.shape[-2:]), n, ceil_mode=True, **how)
    return y.reshape(*x.shape[:-2], *y.shape[-2:])


def max_pool(x, n):
    return windows(F.max_pool2d, x, n)


def mean_pool(x, n):
    return windows(F.avg_pool2d, x, n, count_include_pad=False)


def places(f):
    """[..., C, Y, X] to [..., Y * X, C]."""
    return f.flatten(-2).transpose(-1, -2)


# Losses, before they are averaged.


def cross_entropy(scores, target, dim=-1):
    """-log softmax(scores)[target]; 0 where there is no target (below 0)."""
    found = torch.log_softmax(scores, dim).gather(dim, target.clamp(min=0).unsqueeze(dim)).squeeze(dim)
    return torch.where(target < 0, torch.zeros_like(found), -found)


def binary(scores, target):
    return F.softplus(scores) - scores * target


def mse(x, target):
    return (x - target) ** 2


def mae(x, target):
    return (x - target).abs()


def huber(x, target):
    size = (x - target).abs()
    return torch.where(size <= 1, 0.5 * size**2, size - 0.5)


def mean_of(losses, *there, inner=0):
    """The mean over everything that is there; within a step first over the last `inner` dimensions."""
    counted = torch.ones_like(losses)
    for each in there:
        if each is not None:
            counted = counted * each
    losses = torch.where(counted > 0, losses, torch.zeros_like(losses))
    if inner > 0:
        dims = tuple(range(-inner, 0))
        known = counted.sum(dims)
        losses, counted = losses.sum(dims) / known.clamp(min=1), known.clamp(max=1)
    return losses.sum() / counted.sum().clamp(min=1)


# How parameters start.


def constant(*shape, value=0.0):
    return nn.Parameter(torch.full(shape, float(value)))


def uniform(*shape, within):
    return nn.Parameter(torch.empty(shape).uniform_(-within, within))


def normal(*shape, deviation):
    return nn.Parameter(torch.empty(shape).normal_(0, deviation))


def glorot(*shape):
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape)))


def he(*shape):
    return nn.Parameter(nn.init.kaiming_normal_(torch.empty(shape)))


def orthogonal(*shape):
    return nn.Parameter(nn.init.orthogonal_(torch.empty(shape)))


def identity(*shape):
    return nn.Parameter(torch.eye(*shape))


def chrono(*shape, steps):
    """Remembers up to so many steps (Tallec & Ollivier 2018)."""
    return nn.Parameter(torch.log(1 + torch.rand(shape) * max(0, steps - 2)))


# Weights have the names of the source: h[0].W_f.


def read_safetensors(path):
    """Tensors by name. The format: the header's length in 8 bytes, the header in JSON, the numbers."""
    with open(path, "rb") as file:
        content = bytearray(file.read())
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{name} is {entry['dtype']}; this reader knows F32. The package safetensors reads the others.")
        size = math.prod(entry["shape"])
        flat = torch.frombuffer(content, dtype=torch.float32, count=size, offset=8 + length + entry["data_offsets"][0]) if size else torch.empty(0)
        found[name] = flat.clone().reshape(entry["shape"])
    return found


def write_safetensors(path, tensors):
    header, parts, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in tensors.items():
        flat = value.detach().to("cpu", torch.float32).contiguous().flatten()
        data = struct.pack(f"<{flat.numel()}f", *flat.tolist())
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + len(data)]}
        parts.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(parts)


def load_weights(model, path):
    found = read_safetensors(path)
    state = model.state_dict()
    with torch.no_grad():
        for name, value in state.items():
            source = model.SOURCE_NAMES.get(name, name)
            if source not in found:
                raise KeyError(f"{path} has no weight {source}")
            if found[source].shape != value.shape:
                raise ValueError(f"{source} is {list(found[source].shape)} in {path} and {list(value.shape)} in the model")
            value.copy_(found[source])


def save_weights(model, path):
    write_safetensors(path, {model.SOURCE_NAMES.get(name, name): value for name, value in model.state_dict().items()})
