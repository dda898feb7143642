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
        else:
            key = (request["cell"], request["inputs"], request["size"], request["batch"], request["steps"])
            if key not in cases:
                cases[key] = Case(*key)
            answer = {"milliseconds": [cases[key].step() for _ in range(request["repeat"])]}
        print(json.dumps(answer), flush=True)


main()
