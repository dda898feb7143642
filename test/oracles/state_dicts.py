"""State dictionaries of PyTorch's own layers, with what they compute: python3 test/oracles/state_dicts.py writes state_dicts.json."""

import json
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def plain(value):
    return {"shape": list(value.shape), "data": [round(float(number), 12) for number in value.detach().flatten().tolist()]}


class Tagger(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.embedding = nn.Embedding(6, 3)
        self.rnn = layer
        width = layer.hidden_size * (2 if layer.bidirectional else 1)
        self.head = nn.Linear(width, 5)

    def forward(self, tokens):
        return self.head(self.rnn(self.embedding(tokens))[0])


layers = {
    "lstm(x, 4)": nn.LSTM(3, 4, batch_first=True),
    "gru(x, 4)": nn.GRU(3, 4, batch_first=True),
    "rnn(x, 4)": nn.RNN(3, 4, batch_first=True),
    "lstm(x, 4, layers: 2)": nn.LSTM(3, 4, num_layers=2, batch_first=True),
    "bidirectional(lstm, x, 4, layers: 2)": nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True),
    "bidirectional(gru, x, 4, layers: 2)": nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True),
}
tokens = torch.tensor([[1, 0, 5, 2, 4], [3, 3, 2, 0, 1]])
found = {}
for call, layer in layers.items():
    model = Tagger(layer)
    found[call] = {"state": {name: plain(value) for name, value in model.state_dict().items()}, "logits": plain(model(tokens))}
Path(__file__).with_name("state_dicts.json").write_text(json.dumps({"tokens": plain(tokens), "cases": found}, separators=(",", ":")) + "\n")
