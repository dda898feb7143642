// train.py: trains an exported module on, on one process or, by torchrun, on many.

export const trainScript = `"""Trains the model of model.py on from weights.safetensors, as the source's train statement says (data.json).

    python train.py --data names.csv                        one process
    torchrun --nproc_per_node 4 train.py --data names.csv   several, the batch shared out among them

Writes trained.safetensors, with the names of the source: \`unroll import FILE.rnn --weights trained.safetensors\` brings it back.
"""

import argparse
import math
import os
import random

import torch
from torch import distributed, nn

import examples
import model as exported
import support
from examples import HERE, INPUTS, RUN, SOURCE

SETTINGS = RUN["settings"]


class Loss(nn.Module):
    """The loss as \`forward\`, which is what DistributedDataParallel watches."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, arguments):
        return self.model.loss(**arguments)


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


def batches(data, rows, rank, world, chance):
    """Padded to the longest row. Each process takes its share of the rows of every batch; one that has none
    reads a row without learning from it, so that all take the same steps."""
    order = list(range(len(data)))
    if chance is not None:
        chance.shuffle(order)
    for start in range(0, len(order), rows):
        own = [data[k] for k in order[start : start + rows]][rank::world]
        yield collate(own or [data[order[start]]]), True, float(len(own) > 0)


def collate(rows):
    arguments, lengths = {}, {}
    for given in RUN["inputs"]:
        for name in (given["name"], "next_" + given["name"]):
            if name not in rows[0] or (name == given["name"] and name not in RUN["arguments"]):  # only networks read it
                continue
            values = [row[name]() if callable(row[name]) else row[name] for row in rows]
            kind = torch.float32 if given["classes"] is None else torch.int64
            if torch.is_tensor(values[0]):  # images; as bytes they are of 0 to 255
                whole = torch.stack(values)
                arguments[RUN["arguments"][name]] = whole / 255 if whole.dtype == torch.uint8 else whole
                continue
            if given["shape"] and given["shape"][0] in RUN["ragged"]:
                own = [len(value) for value in values]
                lengths[given["shape"][0]] = torch.tensor(own)
                padding = [0.0] * len(values[0][0]) if values[0] and isinstance(values[0][0], list) else 0
                values = [value + [padding] * (max(own) - len(value)) for value in values]
            python = RUN["arguments"].get(name) or "next_" + RUN["arguments"][given["name"]]
            found = torch.tensor(values, dtype=kind)
            # A missing number that is read is the mean; one that is compared counts nowhere.
            arguments[python] = found if name != given["name"] or given["compared"] else found.nan_to_num()
    for dimension, own in lengths.items():
        if dimension in RUN["lengths"]:
            arguments[RUN["lengths"][dimension]] = own
    return arguments


# Scheduled sampling (Bengio et al. 2015) in two passes (Duckworth et al. 2019): the first says what the model would choose after each true beginning.


def truth_at(step, one_pass):
    """The probability that a place of the predicted input is read as it is; steps are counted from 1."""
    teacher = SETTINGS.get("teacher")
    if teacher is None:
        return 1.0
    share = min(1, (step - 1) / (teacher["epochs"] * one_pass)) if teacher["epochs"] else 1
    return teacher["from"] + (teacher["to"] - teacher["from"]) * share


@torch.no_grad()
def mixed(model, arguments, truth):
    """Some places of the predicted input are what the model chose for them; the targets stay true."""
    given = next(each for each in INPUTS if each["predicted"] and each["classes"] is not None)
    name = RUN["arguments"][given["name"]]
    true, lengths = arguments[name], arguments.get(RUN["lengths"].get(given["shape"][0]))
    model.eval()
    chosen = model(**{key: value for key, value in arguments.items() if key in RUN["read"]}).argmax(-1)
    model.train()
    follows = support.ahead(true, -1, lengths)
    keep = (torch.rand(true[:, 1:].shape, device=true.device) < truth) | (follows[:, :-1] < 0)
    read = torch.cat([true[:, :1], torch.where(keep, true[:, 1:], chosen[:, :-1])], 1)
    return {**arguments, name: read, "next_" + name: follows}


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
    parser.add_argument("--data", default=SOURCE.get("path"), help="the file of the data, or the folder of its images")
    parser.add_argument("--captions", help="the table of images and captions")
    parser.add_argument("--network", help="the ONNX file that the model reads its input with")
    parser.add_argument("--weights", default=str(HERE / "weights.safetensors"), help="where it starts")
    parser.add_argument("--fresh", action="store_true", help="start from the source's own starts instead")
    parser.add_argument("--out", default="trained.safetensors")
    parser.add_argument("--epochs", type=int, default=SETTINGS.get("epochs"))
    parser.add_argument("--steps", type=int, default=SETTINGS.get("steps"))
    given = parser.parse_args()
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

    training, validation = examples.parts(given.data, given.captions, given.network)
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
            arguments = {name: value.to(device) for name, value in arguments.items()}
            truth = truth_at(step, one_pass)
            loss = loss_of(arguments if truth >= 1 else mixed(model, arguments, truth))
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
