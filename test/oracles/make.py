"""Values of PyTorch that the tests compare with: python3 test/oracles/make.py writes the JSON files beside it.

Weights have the names and shapes of the library's cells: W_f [H, I], U_f [H, H], b_f [H]. PyTorch's two bias vectors
are one here, but for the candidate of the GRU, where d_n stands inside the reset gate's product.
"""

import json
from pathlib import Path

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
HERE = Path(__file__).parent
I, H, T, B, V, E = 3, 4, 5, 2, 6, 3


def plain(value):
    if isinstance(value, torch.Tensor):
        return {"shape": list(value.shape), "data": [round(number, 12) for number in value.detach().flatten().tolist()]}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def write(name, value):
    (HERE / name).write_text(json.dumps(plain(value), separators=(",", ":")) + "\n")


# The library's layers: which gates, in the order in which PyTorch stacks them.
LAYERS = {
    "rnn": (lambda i, h: nn.RNN(i, h), ["h"]),
    "rnn_relu": (lambda i, h: nn.RNN(i, h, nonlinearity="relu"), ["h"]),
    "lstm": (lambda i, h: nn.LSTM(i, h), ["i", "f", "g", "o"]),
    "gru": (lambda i, h: nn.GRU(i, h), ["r", "z", "n"]),
}


def named(name, layer, gradient=False):
    """The layer's weights, or their gradients, by the names of the cells."""
    read = (lambda p: p.grad) if gradient else (lambda p: p)
    result = {}
    for k, gate in enumerate(LAYERS[name][1]):
        rows = slice(k * layer.hidden_size, (k + 1) * layer.hidden_size)
        result[f"W_{gate}"] = read(layer.weight_ih_l0)[rows].clone()
        result[f"U_{gate}"] = read(layer.weight_hh_l0)[rows].clone()
        bias, second = read(layer.bias_ih_l0)[rows], read(layer.bias_hh_l0)[rows]
        if (name, gate) == ("gru", "n"):
            result["b_n"], result["d_n"] = bias.clone(), second.clone()
        else:
            result[f"b_{gate}"] = bias.clone() if gradient else (bias + second).clone()
    return result


def steps(name, w, x, states):
    """The cell as a loop; every line of every step, so that its gradient can be kept."""
    lines = []
    for t in range(x.shape[0]):
        pre = lambda gate, h: x[t] @ w[f"W_{gate}"].T + h @ w[f"U_{gate}"].T + w[f"b_{gate}"]
        h = states[0]
        if name == "lstm":
            line = {gate: torch.sigmoid(pre(gate, h)) for gate in "fio"}
            line["g"] = torch.tanh(pre("g", h))
            line["c'"] = line["f"] * states[1] + line["i"] * line["g"]
            line["h'"] = line["o"] * torch.tanh(line["c'"])
            states = [line["h'"], line["c'"]]
        elif name == "gru":
            line = {gate: torch.sigmoid(pre(gate, h)) for gate in "rz"}
            line["n"] = torch.tanh(x[t] @ w["W_n"].T + w["b_n"] + line["r"] * (h @ w["U_n"].T + w["d_n"]))
            line["h'"] = (1 - line["z"]) * line["n"] + line["z"] * h
            states = [line["h'"]]
        else:
            line = {"h'": torch.tanh(pre("h", h)) if name == "rnn" else torch.relu(pre("h", h))}
            states = [line["h'"]]
        lines.append(line)
    for line in lines:
        for value in line.values():
            value.retain_grad()
    return lines, states


def over_time(lines, gradient=False):
    return {name: torch.stack([line[name].grad if gradient else line[name] for line in lines]) for name in lines[0]}


def cell(name):
    """objective = sum(h' * direction) over all steps + the squares of the final states."""
    torch.manual_seed(11)
    layer = LAYERS[name][0](I, H)
    x = torch.randn(T, B, I, requires_grad=True)
    direction = torch.randn(T, B, H)
    initial = {state: torch.randn(B, H, requires_grad=True) for state in (["h", "c"] if name == "lstm" else ["h"])}
    start = [initial[state][None] for state in initial]
    out, final = layer(x, tuple(start) if name == "lstm" else start[0])
    objective = (out * direction).sum() + sum((state**2).sum() for state in (final if name == "lstm" else [final]))
    objective.backward()
    gradients = {"x": x.grad.clone(), **{f"{state}0": value.grad.clone() for state, value in initial.items()}, **named(name, layer, True)}

    # The same once more as a loop, for the gradients of single lines; it must agree with the layer.
    lines, states = steps(name, named(name, layer), x, list(initial.values()))
    looped = sum((line["h'"] * direction[t]).sum() for t, line in enumerate(lines)) + sum((state**2).sum() for state in states)
    looped.backward()
    assert torch.allclose(looped, objective, rtol=1e-12)
    feeds = {"x": x, "direction": direction, **{f"{state}0": value for state, value in initial.items()}, **named(name, layer)}
    return {
        "feeds": feeds,
        "objective": objective,
        "gradients": gradients,
        "lines": over_time(lines),
        "lineGradients": over_time(lines, True),
    }


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd_momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "sgd_decay": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.2),
    "rmsprop_momentum": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, weight_decay=0.2),
    "adam_decay": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.2),
    "adamw_usual": lambda p: torch.optim.AdamW(p, lr=0.01),
}


def language_model(name, optimizer=None, clip=0.1, updates=3, clip_value=None):
    """embed, the cell, linear, cross-entropy of the next token, its mean over all steps. With an optimizer: the weights after updates on
    windows that follow one another, the state carried on, the whole gradient clipped to a norm, and then each number of it, if asked for."""
    torch.manual_seed(12)
    table, layer, linear = nn.Embedding(V, E), LAYERS[name][0](E, H), nn.Linear(H, V)
    # One bias vector: the other stays zero and is not trained, but for the GRU's, whose last third is d_n.
    with torch.no_grad():
        layer.bias_hh_l0[: 2 * H if name == "gru" else None] = 0
    parameters = [*table.parameters(), *layer.parameters(), *linear.parameters()]
    if name != "gru":
        parameters = [each for each in parameters if each is not layer.bias_hh_l0]
    text = torch.randint(0, V, (updates * T + 1, B))
    tokens, following = text[:-1], text[1:]

    def weights(gradient=False):
        read = (lambda p: p.grad.clone()) if gradient else (lambda p: p.clone())
        cell = {f"h.{key}": value for key, value in named(name, layer, gradient).items()}
        return {"x.table": read(table.weight), **cell, "logits.W": read(linear.weight), "logits.b": read(linear.bias)}

    start = weights()
    if optimizer is None:
        h, _ = layer(table(tokens[:T]))
        logits = linear(h)
        losses = nn.functional.cross_entropy(logits.reshape(-1, V), following[:T].reshape(-1), reduction="none").reshape(T, B)
        losses.mean().backward()
        return {
            "tokens": tokens[:T],
            "next": following[:T],
            "weights": start,
            "logits": logits,
            "loss": losses.mean(),
            "losses": losses,
            "gradients": weights(True),
        }

    stepper = OPTIMIZERS[optimizer](parameters)
    states = None
    records = []
    for window, targets in zip(tokens.split(T), following.split(T)):
        stepper.zero_grad()
        h, states = layer(table(window), states)
        states = tuple(each.detach() for each in states) if isinstance(states, tuple) else states.detach()
        loss = nn.functional.cross_entropy(linear(h).reshape(-1, V), targets.reshape(-1))
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, clip)
        if clip_value is not None:
            nn.utils.clip_grad_value_(parameters, clip_value)
        stepper.step()
        records.append({"loss": loss, "gradientNorm": norm})
    return {"tokens": tokens, "next": following, "window": T, "clip": clip, "start": start, "records": records, "end": weights()}


def rates(schedule, steps, after):
    """The learning rate of each step, from 0.1."""
    stepper = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = schedule(stepper)
    found = []
    for k in range(steps):
        found.append(stepper.param_groups[0]["lr"])
        stepper.step()
        scheduler.step(*after(k))
    return found


def schedules():
    """Cosine over 12 steps, alone and behind a warm-up of 4; steps of epochs (4 batches each); a plateau, by the losses given."""
    scheduler = torch.optim.lr_scheduler
    losses = [3, 2, 2.5, 2.1, 2.2, 1.9, 1.9, 2, 2, 2, 2, 1]
    always = lambda k: []
    warm = lambda stepper: scheduler.SequentialLR(
        stepper,
        [scheduler.LinearLR(stepper, start_factor=1 / 4, total_iters=3), scheduler.CosineAnnealingLR(stepper, T_max=7, eta_min=0.01)],
        milestones=[4],
    )
    epochs = lambda gamma, size: [rate for rate in rates(lambda s: scheduler.StepLR(s, size, gamma), 5, always) for _ in range(4)]
    return {
        "cosine": torch.tensor(rates(lambda s: scheduler.CosineAnnealingLR(s, T_max=11, eta_min=0.02), 12, always)),
        "warm_cosine": torch.tensor(rates(warm, 12, always)),
        "step": torch.tensor(epochs(0.5, 2)),
        "losses": torch.tensor(losses),
        # `patience` of PyTorch: bad validations that are ignored, one fewer than are waited for here.
        "plateau": torch.tensor(
            rates(lambda s: scheduler.ReduceLROnPlateau(s, factor=0.5, patience=1, threshold=0), 12, lambda k: [losses[k]])
        ),
    }


write("cells.json", {name: cell(name) for name in LAYERS})
write("language_models.json", {name: language_model(name) for name in LAYERS})
clipped = language_model("lstm", "sgd_momentum", clip=0.1, clip_value=0.01)
write("updates.json", {**{name: language_model("lstm", name) for name in OPTIMIZERS}, "clip_value": clipped})
write("schedules.json", schedules())
