"""The translation model of scripts/attention/translation.ts in PyTorch: reads the batches of a training and the held-out sources as JSON from stdin, learns from the
batches in their order with PyTorch's own starts, decodes greedily, and writes the numbers of the words as JSON to stdout.
"""

import json
import sys

import torch
from torch import nn


class Translate(nn.Module):
    """Additive attention before each step (Bahdanau, Cho & Bengio 2014) between a bidirectional GRU and a GRU."""

    def __init__(self, english, french, embedding, encoder, decoder):
        super().__init__()
        self.source = nn.Embedding(english, embedding)
        self.target = nn.Embedding(french, embedding)
        self.encoder = nn.GRU(embedding, encoder, bidirectional=True, batch_first=True)
        self.first = nn.Linear(2 * encoder, decoder)
        self.query = nn.Linear(decoder, decoder, bias=False)
        self.key = nn.Linear(2 * encoder, decoder, bias=False)
        self.score = nn.Linear(decoder, 1, bias=False)
        self.cell = nn.GRUCell(embedding + 2 * encoder, decoder)
        self.out = nn.Linear(decoder, french)

    def read(self, source, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.source(source), lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.encoder(packed)[0], batch_first=True)
        padding = torch.arange(states.shape[1])[None] >= lengths[:, None]
        return states, self.key(states), padding, torch.tanh(self.first(states[:, 0]))

    def step(self, y, states, keys, padding, s):
        scores = self.score(torch.tanh(self.query(s)[:, None] + keys)).squeeze(2)
        weights = torch.softmax(scores.masked_fill(padding, float("-inf")), 1)
        context = (weights[:, None] @ states).squeeze(1)
        return self.cell(torch.cat([y, context], 1), s)

    def forward(self, source, lengths, target):
        states, keys, padding, s = self.read(source, lengths)
        outputs = []
        for y in self.target(target).unbind(1):
            s = self.step(y, states, keys, padding, s)
            outputs.append(s)
        return self.out(torch.stack(outputs, 1))

    @torch.no_grad()
    def write(self, source, lengths, begin, end, never, length):
        states, keys, padding, s = self.read(source, lengths)
        y = torch.full((len(source),), begin)
        words = []
        for _ in range(length):
            s = self.step(self.target(y), states, keys, padding, s)
            scores = self.out(s)
            scores[:, never] = float("-inf")
            y = scores.argmax(1)
            words.append(y)
        rows = torch.stack(words, 1).tolist()
        return [row[: row.index(end)] if end in row else row for row in rows]


def padded(rows):
    lengths = torch.tensor([len(row) for row in rows])
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True), lengths


def main():
    given = json.load(sys.stdin)
    torch.set_num_threads(given["threads"])
    torch.manual_seed(given["seed"])
    model = Translate(*given["classes"], *given["sizes"])
    optimizer = torch.optim.Adam(model.parameters(), lr=given["rate"])
    for batch in given["batches"]:
        source, lengths = padded(batch["source"])
        target, steps = padded(batch["target"])
        wanted = target[:, 1:].masked_fill(torch.arange(1, target.shape[1])[None] >= steps[:, None], -100)
        optimizer.zero_grad()
        logits = model(source, lengths, target[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), given["clip"])
        optimizer.step()
    model.eval()
    rows = model.write(*padded(given["sources"]), given["begin"], given["end"], given["never"], given["length"])
    json.dump({"version": torch.__version__, "loss": loss.item(), "rows": rows}, sys.stdout)


main()
