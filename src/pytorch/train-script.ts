// train.py: trains an exported module on, on one process or, by torchrun, on many.

export const trainScript = `"""Trains the model of model.py on from weights.safetensors, as the source's train statement says (data.json).

    python train.py --data names.csv                        one process
    torchrun --nproc_per_node 4 train.py --data names.csv   several, the batch shared out among them

Writes trained.safetensors, with the names of the source: \`unroll import FILE.rnn --weights trained.safetensors\` brings it back.
"""

import argparse
import ast
import csv
import json
import math
import os
import random
import re
import struct
import zipfile
from pathlib import Path

import torch
from torch import distributed, nn

import model as exported
import support

HERE = Path(__file__).parent
RUN = json.loads((HERE / "data.json").read_text(encoding="utf-8"))
SETTINGS, SOURCE, INPUTS = RUN["settings"], RUN["source"], RUN["inputs"]


class Loss(nn.Module):
    """The loss as \`forward\`, which is what DistributedDataParallel watches."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, arguments):
        return self.model.loss(**arguments)


# Data: examples are dictionaries of lists, by the names of the model's inputs.


def tokens(text, vocabulary):
    """The numbers of a text's tokens."""
    text = text.lower() if vocabulary["lower"] else text
    known = {token: number for number, token in enumerate(vocabulary["tokens"])}
    by, unknown = vocabulary["by"], vocabulary.get("unknown")
    if by == "pieces":
        ranks = {tuple(pair): rank for rank, pair in enumerate(vocabulary["merges"])}
        first = len(vocabulary["tokens"]) - len(ranks)
        found = []
        for stretch in re.findall(r" ?[^\\s]+|\\s", text):
            found += joined([known.get(each, unknown) for each in stretch], ranks, first)
        return found
    parts = [text] if by == "label" else list(text) if by == "char" else re.findall(r"[^\\W_]+(?:['’_-][^\\W_]+)*|\\n|[^\\s]", text)
    missing = sorted({part for part in parts if part not in known})
    if missing and unknown is None:
        raise SystemExit(f"The model does not know {', '.join(map(repr, missing[:5]))}: it was trained on other data.")
    return [known.get(part, unknown) for part in parts]


def joined(pieces, ranks, first):
    """Byte pairs: the pair that was joined first in learning is joined first."""
    while len(pieces) > 1:
        pair = min(zip(pieces, pieces[1:]), key=lambda each: ranks.get(each, math.inf))
        if pair not in ranks:
            break
        made, k = [], 0
        while k < len(pieces):
            if tuple(pieces[k : k + 2]) == pair:
                made.append(first + ranks[pair])
                k += 2
            else:
                made.append(pieces[k])
                k += 1
        pieces = made
    return pieces


def scaled(name, values):
    scale = RUN["scales"].get(name)
    if scale is None:
        return values
    mean, deviation = scale["mean"], scale["deviation"]
    one = lambda value, k: (value - mean[k % len(mean)]) / deviation[k % len(deviation)]
    return [one(value, k) for k, value in enumerate(values)] if not values or not isinstance(values[0], list) else [scaled(name, each) for each in values]


def number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def rows_of(path):
    """The rows of a table as dictionaries by column."""
    path = Path(path)
    if path.suffix in (".jsonl", ".ndjson"):
        return [json.loads(line) for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\\t" if path.suffix in (".tsv", ".tab") else ",") if row]
    names = [name.strip() for name in rows[0]]
    wanted = [name for given in INPUTS for name in columns_of(given["name"])]
    lower = [name.lower() for name in names]
    if SOURCE.get("header") is not False and all(name.lower() in lower for name in wanted):
        return [dict(zip(lower, row)) for row in rows[1:]]
    return [{wanted[k].lower(): cell for k, cell in enumerate(row) if k < len(wanted)} for row in rows]


def columns_of(name):
    binding = SOURCE["bindings"].get(name, {"kind": "column", "name": name})
    return binding["names"] if binding["kind"] == "columns" else [binding["name"]]


def read_table(path):
    examples = []
    for row in rows_of(path):
        example = {}
        for given in INPUTS:
            cells = [row[name.lower()] for name in columns_of(given["name"])]
            if given["classes"] is not None:
                vocabulary = RUN["vocabularies"][given["classes"]]
                found = tokens(str(cells[0]).strip() if vocabulary["by"] == "label" else str(cells[0]), vocabulary)[: SOURCE.get("longest")]
                if given["shape"] and "begin" in vocabulary:
                    found = [vocabulary["begin"], *found, vocabulary["end"]]
                example[given["name"]] = found if given["shape"] else found[0]
            elif len(given["shape"]) == 2:
                example[given["name"]] = scaled(given["name"], [[number(each)] for each in str(cells[0]).split()])
            else:
                values = [number(str(each)) for each in cells]
                example[given["name"]] = scaled(given["name"], values) if given["shape"] else scaled(given["name"], values)[0]
        examples.append(example)
    return parts_of(examples, drawn=True)


def read_series(path):
    """Windows over rows that are timesteps."""
    rows = rows_of(path)
    values = {name: [number(str(row[name.lower()])) for row in rows] for given in INPUTS for name in columns_of(given["name"])}
    window, stride = SOURCE["window"], SOURCE["stride"]
    reach = max([SOURCE["bindings"][given["name"]]["steps"] for given in INPUTS if following(given)] + [1])
    examples = []
    for start in range(0, len(rows) - window - reach + 1, stride):
        example = {}
        for given in INPUTS:
            own = [values[name] for name in columns_of(given["name"])]
            if following(given):
                steps = SOURCE["bindings"][given["name"]]["steps"]
                example[given["name"]] = scaled(given["name"], own[0][start + window : start + window + steps])
                continue
            stretch = scaled(given["name"], [[column[t] for column in own] for t in range(start, start + window + 1)])
            stretch = [step[0] for step in stretch] if len(given["shape"]) == 1 else stretch
            example[given["name"]] = stretch[:window]
            if given["predicted"]:
                example["next_" + given["name"]] = stretch[1:]
        examples.append(example)
    return parts_of(examples, drawn=False)


def following(given):
    return SOURCE["bindings"].get(given["name"], {}).get("kind") == "following"


def read_arrays(path):
    arrays = {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                arrays[name[: -len(".npy")]] = read_npy(archive.read(name))
    else:
        arrays[Path(path).stem] = read_npy(Path(path).read_bytes())
    columns = {given["name"]: arrays[SOURCE["bindings"].get(given["name"], given["name"])].tolist() for given in INPUTS}
    for given in INPUTS:
        name = given["name"]
        if given["classes"] is None:
            columns[name] = [scaled(name, each) if isinstance(each, list) else scaled(name, [each])[0] for each in columns[name]]
        elif given["classes"] in RUN["vocabularies"]:
            known = {token: k for k, token in enumerate(RUN["vocabularies"][given["classes"]]["tokens"])}
            encode = lambda each: [encode(one) for one in each] if isinstance(each, list) else known[str(int(each))]
            columns[name] = [encode(each) for each in columns[name]]
    count = len(next(iter(columns.values())))
    return parts_of([{name: column[k] for name, column in columns.items()} for k in range(count)], drawn=True)


def read_npy(content):
    """An array of NumPy's format (NEP 1)."""
    wide = content[6] > 1
    (length,) = struct.unpack("<I" if wide else "<H", content[8 : 12 if wide else 10])
    start = (12 if wide else 10) + length
    header = ast.literal_eval(content[12 if wide else 10 : start].decode("latin1"))
    kinds = {"f8": torch.float64, "f4": torch.float32, "i8": torch.int64, "i4": torch.int32, "i2": torch.int16, "i1": torch.int8, "u1": torch.uint8, "b1": torch.bool}
    kind = header["descr"].lstrip("<|=")
    if kind not in kinds:
        raise SystemExit(f"An array of {header['descr']} is not read here. Save it as float32 or int64.")
    flat = torch.frombuffer(bytearray(content[start:]), dtype=kinds[kind])
    return flat.reshape(header["shape"][::-1]).permute(*reversed(range(len(header["shape"])))) if header["fortran_order"] else flat.reshape(header["shape"])


def parts_of(examples, drawn):
    """Training and validation; rows of a table are drawn by the seed, windows of a series follow each other."""
    if drawn:
        random.Random(SOURCE["seed"]).shuffle(examples)
    held = lambda count, share: round(count * share) if share < 1 else int(share)
    test = held(len(examples), SOURCE["test"])
    validation = held(len(examples) - test, SOURCE["validation"])
    end = len(examples) - test
    return examples[: end - validation], examples[end - validation : end]


def read_text(path):
    """A running text: ids of the training part and of what is held out."""
    (given,) = INPUTS
    ids = tokens(Path(path).read_text(encoding="utf-8-sig").replace("\\r\\n", "\\n"), RUN["vocabularies"][given["classes"]])
    held = lambda count, share: round(count * share) if share < 1 else int(share)
    test = held(len(ids), SOURCE["test"])
    validation = held(len(ids) - test, SOURCE["validation"])
    end = len(ids) - test
    return ids[: end - validation], ids[end - validation : end]


# Batches: what \`loss\` takes.


def windows(ids, rows, window, rank, world):
    """The text lies in rows, and a batch is the next window of each: the state is carried on."""
    (given,) = INPUTS
    stretch = (len(ids) - 1) // rows
    if stretch < 1:
        return
    window = min(window, stretch)
    own = range(rank, rows, world)
    lying = torch.tensor([ids[row * stretch : row * stretch + stretch + 1] for row in own])
    for start in range(0, stretch - window + 1, window):
        name = RUN["arguments"][given["name"]]
        arguments = {name: lying[:, start : start + window]}
        if given["predicted"]:
            arguments["next_" + name] = lying[:, start + 1 : start + window + 1]
        yield arguments, start == 0, 1.0


def batches(examples, rows, rank, world, chance):
    """Padded to the longest row. Each process takes its share of the rows of every batch; one that has none
    reads a row without learning from it, so that all take the same steps."""
    order = list(range(len(examples)))
    if chance is not None:
        chance.shuffle(order)
    for start in range(0, len(order), rows):
        own = [examples[k] for k in order[start : start + rows]][rank::world]
        yield collate(own or [examples[order[start]]]), True, float(len(own) > 0)


def collate(rows):
    arguments, lengths = {}, {}
    for given in INPUTS:
        for name in (given["name"], "next_" + given["name"]):
            if name not in rows[0]:
                continue
            values = [row[name] for row in rows]
            kind = torch.float32 if given["classes"] is None else torch.int64
            if given["shape"] and given["shape"][0] in RUN["ragged"]:
                own = [len(value) for value in values]
                lengths[given["shape"][0]] = torch.tensor(own)
                padding = [0.0] * len(values[0][0]) if values[0] and isinstance(values[0][0], list) else 0
                values = [value + [padding] * (max(own) - len(value)) for value in values]
            python = RUN["arguments"].get(name) or "next_" + RUN["arguments"][given["name"]]
            arguments[python] = torch.tensor(values, dtype=kind)
    for dimension, own in lengths.items():
        if dimension in RUN["lengths"]:
            arguments[RUN["lengths"][dimension]] = own
    return arguments


# Training.


def optimizer_of(parameters):
    said = SETTINGS["optimizer"]
    rate, decay, momentum = said["rate"], said.get("decay"), said.get("momentum", 0)
    kinds = {
        "sgd": lambda: torch.optim.SGD(parameters, rate, momentum=momentum, weight_decay=decay or 0),
        "rmsprop": lambda: torch.optim.RMSprop(parameters, rate, momentum=momentum, weight_decay=decay or 0),
        "adam": lambda: torch.optim.Adam(parameters, rate, weight_decay=decay or 0),
        "adamw": lambda: torch.optim.AdamW(parameters, rate, weight_decay=0.01 if decay is None else decay),
    }
    return kinds[said["kind"]]()


def rate_at(step, steps, one_pass, lowered):
    """The learning rate of a step, counted from 1."""
    rate, schedule = SETTINGS["optimizer"]["rate"], SETTINGS["optimizer"].get("schedule")
    if schedule is None:
        return rate
    warmup = schedule["warmup"]
    if step <= warmup:
        return rate * step / warmup
    if schedule["kind"] == "cosine":
        done = min(1, (step - 1 - warmup) / max(1, steps - 1 - warmup))
        return rate * (schedule["end"] + (1 - schedule["end"]) * (1 + math.cos(math.pi * done)) / 2)
    if schedule["kind"] == "step":
        epochs = (step - 1) // one_pass
        times = 0 if epochs < schedule["after"] else (epochs - schedule["after"]) // schedule["every"] + 1
        return rate * schedule["factor"] ** times
    return rate * schedule["factor"] ** lowered


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=SOURCE.get("path"), help="the file of the data")
    parser.add_argument("--weights", default=str(HERE / "weights.safetensors"), help="where it starts")
    parser.add_argument("--fresh", action="store_true", help="start from the source's own starts instead")
    parser.add_argument("--out", default="trained.safetensors")
    parser.add_argument("--epochs", type=int, default=SETTINGS.get("epochs"))
    parser.add_argument("--steps", type=int, default=SETTINGS.get("steps"))
    given = parser.parse_args()
    readers = {"text": read_text, "table": read_table, "series": read_series, "arrays": read_arrays}
    if SOURCE["kind"] not in readers:
        raise SystemExit(f"The task {SOURCE['task']} is generated by Unroll; this program reads files of text, tables, series and arrays.")
    if given.data is None or not Path(given.data).exists():
        raise SystemExit(f"There is no file {given.data}. Say where the data is: --data FILE")

    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if world > 1:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    torch.manual_seed(SETTINGS["seed"])
    model = getattr(exported, RUN["class"])()
    if not given.fresh:
        support.load_weights(model, given.weights)
    for name, parameter in model.named_parameters():
        source = model.SOURCE_NAMES.get(name, name)
        if any(source == line or source.startswith((line + ".", line + "[")) for line in SETTINGS.get("freeze", [])):
            parameter.requires_grad_(False)
    loss_of = Loss(model.to(device))
    if world > 1:
        loss_of = nn.parallel.DistributedDataParallel(loss_of, device_ids=[device.index] if device.type == "cuda" else None)
    torch.manual_seed(SETTINGS["seed"] + rank)

    training, validation = readers[SOURCE["kind"]](given.data)
    is_text, rows = SOURCE["kind"] == "text", max(SETTINGS["batch"], world)
    part = lambda data, chance: windows(data, rows, SETTINGS["window"], rank, world) if is_text else batches(data, rows, rank, world, chance)
    one_pass = max(1, ((len(training) - 1) // rows) // SETTINGS["window"] if is_text else math.ceil(len(training) / rows))
    steps = given.steps if given.steps is not None else (given.epochs or 10) * one_pass
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = optimizer_of(parameters)
    step, epoch, lowered, best, since = 0, 0, 0, math.inf, 0
    while step < steps:
        epoch += 1
        model.train()
        before = step
        for arguments, begins, weight in part(training, random.Random(SETTINGS["seed"] * 1000 + epoch)):
            if step >= steps:
                break
            step += 1
            if begins and hasattr(model, "carry_on"):
                model.carry_on(is_text)
            rate = rate_at(step, steps, one_pass, lowered)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = loss_of({name: value.to(device) for name, value in arguments.items()})
            (loss * weight).backward()
            if SETTINGS.get("clipValue") is not None:
                nn.utils.clip_grad_value_(parameters, SETTINGS["clipValue"])
            norm = nn.utils.clip_grad_norm_(parameters, SETTINGS.get("clip", math.inf))
            optimizer.step()
            if rank == 0 and (step % 50 == 0 or step == 1):
                print(f"step {step} of {steps}: loss {loss.item():.4f}, gradient norm {norm.item():.3f}, rate {rate:.2g}", flush=True)
        if step == before:
            raise SystemExit("There is not enough data for one batch.")
        held = evaluate(model, part(validation, None), is_text, device, world) if len(validation) > 1 else math.nan
        since = 0 if held < best else since + 1
        best = min(best, held)
        schedule = SETTINGS["optimizer"].get("schedule") or {}
        if schedule.get("kind") == "plateau" and since >= schedule["patience"]:
            lowered, since = lowered + 1, 0
        if rank == 0:
            print(f"epoch {epoch}: validation loss {held:.4f}", flush=True)
            support.save_weights(model, given.out)
    if rank == 0:
        print(f"The weights are in {given.out}.")
    if world > 1:
        distributed.destroy_process_group()


@torch.no_grad()
def evaluate(model, part, is_text, device, world):
    model.eval()
    total = torch.zeros(2, device=device)
    for arguments, begins, weight in part:
        if begins and hasattr(model, "carry_on"):
            model.carry_on(is_text)
        loss = model.loss(**{name: value.to(device) for name, value in arguments.items()})
        rows = weight * len(next(iter(arguments.values())))
        total += torch.tensor([loss.item() * rows, rows], device=device)
    if world > 1:
        distributed.all_reduce(total)
    return (total[0] / total[1]).item() if total[1] > 0 else math.nan


if __name__ == "__main__":
    main()
`;
