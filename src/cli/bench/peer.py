"""The same training steps in PyTorch, for `unroll bench`: one request a line on stdin, one answer a line on stdout, both JSON.

A request names the cell and its sizes; the first with these sizes builds the model. The answer has the milliseconds of each step.
"""

import json
import sys
import time

import torch
from torch import nn

VOCABULARY = 65


class LoopCell(nn.Module):
    """A cell as a loop over time in Python, its input products done for all timesteps at once."""

    def __init__(self, inputs, size, gates):
        super().__init__()
        self.size = size
        self.inner = nn.Linear(inputs, gates * size)
        self.recurrent = nn.Parameter(torch.empty(gates * size, size).uniform_(-(size**-0.5), size**-0.5))

    def forward(self, x):
        state = self.start(x.shape[1])
        outputs = []
        for given in self.inner(x):
            state = self.step(given, state)
            outputs.append(state[0])
        return torch.stack(outputs), state

    def start(self, batch):
        return (torch.zeros(batch, self.size),)


class MguLoop(LoopCell):
    """The minimal gated unit (Zhou et al. 2016)."""

    def __init__(self, inputs, size):
        super().__init__(inputs, size, 2)

    def step(self, given, state):
        (h,) = state
        given_f, given_n = given.chunk(2, 1)
        recurrent_f, recurrent_n = self.recurrent.chunk(2, 0)
        f = torch.sigmoid(given_f + h @ recurrent_f.T)
        n = torch.tanh(given_n + (f * h) @ recurrent_n.T)
        return ((1 - f) * h + f * n,)


CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN, "mgu_loop": MguLoop}


class LanguageModel(nn.Module):
    def __init__(self, cell, inputs, size):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, inputs)
        self.cell = CELLS[cell](inputs, size)
        self.linear = nn.Linear(size, VOCABULARY)

    def forward(self, ids):
        h, _ = self.cell(self.embedding(ids))
        return self.linear(h)


class Translation(nn.Module):
    """A bidirectional GRU over sentences of different lengths, and a GRU with additive attention before each step (Bahdanau, Cho & Bengio 2014) as a loop in Python."""

    def __init__(self, words, embedding, units):
        super().__init__()
        self.source = nn.Embedding(words, embedding)
        self.target = nn.Embedding(words, embedding)
        self.encoder = nn.GRU(embedding, units, bidirectional=True)
        self.query = nn.Linear(units, units, bias=False)
        self.key = nn.Linear(2 * units, units, bias=False)
        self.score = nn.Linear(units, 1, bias=False)
        self.cell = nn.GRUCell(embedding + 2 * units, units)
        self.linear = nn.Linear(units, words)

    def forward(self, source, lengths, target):
        seen = self.read(source, lengths)
        s = torch.zeros(source.shape[1], self.cell.hidden_size)
        outputs = []
        for y in self.target(target):
            s = self.step(y, s, *seen)
            outputs.append(s)
        return self.linear(torch.stack(outputs))

    @torch.inference_mode()
    def write(self, source, lengths, steps):
        """The best word of each step, read by the next; [steps, B]."""
        seen = self.read(source, lengths)
        s = torch.zeros(source.shape[1], self.cell.hidden_size)
        words = torch.zeros(source.shape[1], dtype=torch.long)
        written = []
        for _ in range(steps):
            s = self.step(self.target(words), s, *seen)
            words = self.linear(s).argmax(1)
            written.append(words)
        return torch.stack(written)

    def read(self, source, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.source(source), lengths, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.encoder(packed)[0])
        states = states.transpose(0, 1).contiguous()
        keys = self.key(states)
        padding = torch.arange(len(source))[None] >= lengths[:, None]
        return states, keys, padding

    def step(self, y, s, states, keys, padding):
        scores = self.score(torch.tanh(self.query(s)[:, None] + keys)).squeeze(2)
        weights = torch.softmax(scores.masked_fill(padding, float("-inf")), 1)
        context = torch.bmm(weights[:, None], states).squeeze(1)
        return self.cell(torch.cat([y, context], 1), s)


class Sentences:
    def __init__(self, words, embedding, units, rows, sentences):
        torch.manual_seed(1)
        self.model = Translation(words, embedding, units)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.001)
        given = {name: torch.tensor(numbers) for name, numbers in sentences.items()}
        self.source, self.target, wanted = (given[name].view(-1, rows) for name in ("source", "target", "next(target)"))
        self.lengths = given["lengths(S)"]
        is_padding = torch.arange(len(wanted))[:, None] >= given["lengths(T)"][None]
        self.wanted = wanted.masked_fill(is_padding | (wanted < 0), -100)

    def step(self):
        start = time.perf_counter()
        self.optimizer.zero_grad()
        logits = self.model(self.source, self.lengths, self.target)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), self.wanted.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return (time.perf_counter() - start) * 1000

    def write(self, steps):
        start = time.perf_counter()
        self.model.write(self.source, self.lengths, steps)
        return (time.perf_counter() - start) * 1000


def block(channels, size):
    """A convolution, each channel to mean 0 and variance 1 over its image, a rectifier."""
    return [nn.Conv2d(channels, size, 3, padding=1), nn.InstanceNorm2d(size, affine=True), nn.ReLU()]


class Captions(nn.Module):
    """Blocks of convolutions, and a GRU with additive attention to their places before each word (Xu et al. 2015) as a loop in Python."""

    def __init__(self, channels, embedding, units, words):
        super().__init__()
        first, second, third = channels
        self.eyes = nn.Sequential(*block(3, first), nn.MaxPool2d(2), *block(first, second), nn.MaxPool2d(2), *block(second, third))
        self.embedding = nn.Embedding(words, embedding)
        self.query = nn.Linear(units, units, bias=False)
        self.key = nn.Linear(third, units, bias=False)
        self.score = nn.Linear(units, 1, bias=False)
        self.cell = nn.GRUCell(embedding + third, units)
        self.linear = nn.Linear(units, words)

    def forward(self, image, caption):
        regions = self.eyes(image).flatten(2).transpose(1, 2).contiguous()
        keys = self.key(regions)
        s = torch.zeros(len(image), self.cell.hidden_size)
        outputs = []
        for y in self.embedding(caption):
            weights = torch.softmax(self.score(torch.tanh(self.query(s)[:, None] + keys)).squeeze(2), 1)
            context = torch.bmm(weights[:, None], regions).squeeze(1)
            s = self.cell(torch.cat([y, context], 1), s)
            outputs.append(s)
        return self.linear(torch.stack(outputs))


class Images:
    def __init__(self, pixels, channels, embedding, units, words, rows, images):
        torch.manual_seed(1)
        self.model = Captions(channels, embedding, units, words)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.001)
        self.image = torch.tensor(images["image"]).view(rows, 3, pixels, pixels)
        self.caption, wanted = (torch.tensor(images[name]).view(-1, rows) for name in ("caption", "next(caption)"))
        is_padding = torch.arange(len(wanted))[:, None] >= torch.tensor(images["lengths(T)"])[None]
        self.wanted = wanted.masked_fill(is_padding | (wanted < 0), -100)

    def step(self):
        start = time.perf_counter()
        self.optimizer.zero_grad()
        logits = self.model(self.image, self.caption)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), self.wanted.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return (time.perf_counter() - start) * 1000


class Case:
    def __init__(self, cell, inputs, size, batch, steps):
        torch.manual_seed(1)
        self.model = LanguageModel(cell, inputs, size)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.002)
        self.ids = torch.randint(VOCABULARY, (steps, batch))
        self.targets = torch.randint(VOCABULARY, (steps, batch))

    def step(self):
        start = time.perf_counter()
        self.optimizer.zero_grad()
        logits = self.model(self.ids)
        loss = nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), self.targets.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return (time.perf_counter() - start) * 1000


def main():
    cases = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "threads" in request:
            torch.set_num_threads(request["threads"])
            answer = {"version": torch.__version__}
        elif "sentences" in request:
            if "sentences" not in cases:
                cases["sentences"] = Sentences(*(request[name] for name in ("words", "embedding", "units", "rows", "sentences")))
            case = cases["sentences"]
            steps = request.get("write")
            answer = {"milliseconds": [case.step() if steps is None else case.write(steps) for _ in range(request["repeat"])]}
        elif "images" in request:
            if "images" not in cases:
                names = ("pixels", "channels", "embedding", "units", "words", "rows", "images")
                cases["images"] = Images(*(request[name] for name in names))
            answer = {"milliseconds": [cases["images"].step() for _ in range(request["repeat"])]}
        else:
            key = (request["cell"], request["inputs"], request["size"], request["batch"], request["steps"])
            if key not in cases:
                cases[key] = Case(*key)
            answer = {"milliseconds": [cases[key].step() for _ in range(request["repeat"])]}
        print(json.dumps(answer), flush=True)


main()
