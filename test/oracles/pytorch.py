"""What PyTorch computes with exported modules: python3 test/oracles/pytorch.py, after the modules beside it were written
(UPDATE_GOLDEN=1 mocha test/pytorch/*.test.ts). For every case of cases.json: weights and inputs drawn by a seed, and the outputs, the loss and its
gradients, once for whole rows and once for rows of different lengths.
"""

import importlib.util
import json
import random
import sys
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)
HERE = Path(__file__).parent / "pytorch"
sys.path.insert(0, str(HERE))  # support.py
SIZES = {"B": 3, "T": 5, "S": 4}
LENGTHS = {"T": [5, 2, 3], "S": [1, 4, 2]}


def plain(value):
    data = [None if number != number else round(float(number), 10) for number in value.detach().flatten().tolist()]
    return {"shape": list(value.shape), "data": data}


def load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(chance, shape, classes):
    count = 1
    for size in shape:
        count *= size
    if classes is not None:
        return torch.tensor([chance.randrange(classes) for _ in range(count)], dtype=torch.long).reshape(shape)
    return torch.tensor([round(chance.uniform(-1, 1), 4) for _ in range(count)]).reshape(shape)


def result(model, case, inputs, lengths):
    model.zero_grad()
    given = [inputs[each["name"]] for each in case["inputs"]]
    own = {"lengths_" + name: value for name, value in lengths.items() if "lengths_" + name in case["lengths"]}
    loss = model.loss(*given, **own)
    loss.backward()
    read = [inputs[name] for name in case["read"]]
    asked = {name: value for name, value in own.items() if name in case["forward_lengths"]}
    gradients = {}
    for key, parameter in model.named_parameters():
        gradients[model.SOURCE_NAMES.get(key, key)] = plain(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
    return {"output": plain(model(*read, **asked)), "loss": loss.item(), "gradients": gradients}


def main():
    for name, case in json.loads((HERE / "cases.json").read_text()).items():
        module = load(name)
        model = getattr(module, case["class"])()
        model.eval()
        chance = random.Random(name)
        state, weights = model.state_dict(), {}
        for key, value in state.items():
            source = model.SOURCE_NAMES.get(key, key)
            if source not in weights:
                weights[source] = draw(chance, tuple(value.shape), None)
            value.copy_(weights[source])
        inputs = {}
        for each in case["inputs"]:
            shape = [SIZES["B"], *(SIZES.get(size, size) for size in each["shape"])]
            inputs[each["name"]] = draw(chance, tuple(shape), each["classes"])
        found = {
            "weights": {key: plain(value) for key, value in weights.items()},
            "inputs": {key: plain(value) for key, value in inputs.items()},
            "whole": result(model, case, inputs, {}),
        }
        if case["ragged"]:
            lengths = {each: torch.tensor(LENGTHS[each]) for each in case["ragged"]}
            found["ragged"] = result(model, case, inputs, lengths)
        (HERE / f"{name}.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
        print(name, found["whole"]["loss"], found.get("ragged", {}).get("loss"), file=sys.stderr)


main()
