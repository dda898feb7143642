// examples.py: reads or draws the examples that an exported module is trained on.

export const examplesScript = `"""The examples of data.json's source, for train.py: dictionaries of lists by the names of the model's inputs. What is held out of them is drawn by Python's
own chance, and so are generated tasks: other rows than Unroll's, of the same kind.
"""

import ast
import csv
import datetime
import functools
import json
import math
import random
import re
import struct
import zipfile
from pathlib import Path

import torch

HERE = Path(__file__).parent
RUN = json.loads((HERE / "data.json").read_text(encoding="utf-8"))
SOURCE = RUN["source"]
INPUTS = [given for given in RUN["inputs"] if given["network"] is None]
NETWORKS = [given for given in RUN["inputs"] if given["network"] is not None]


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
    cut = sentence_words if vocabulary.get("apostrophes") else plain_words
    parts = [text] if by == "label" else list(text) if by == "char" else cut(text)
    missing = sorted({part for part in parts if part not in known})
    if missing and unknown is None:
        raise SystemExit(f"The model does not know {', '.join(map(repr, missing[:5]))}: it was trained on other data.")
    return [known.get(part, unknown) for part in parts]


LETTER = r"(?:[^\\W_]|[\\u0300-\\u036f])"  # letters, digits, and marks above letters


def plain_words(text):
    return re.findall(rf"{LETTER}+(?:['’_-]{LETTER}+)*|\\n|[^\\s]", text)


def sentence_words(text):
    """Cut at apostrophes too, so that parts of words are words: l' homme, do n't."""
    found = re.findall(rf"\\d+(?:[.,:]\\d+)+|{LETTER}+(?:['’_-]{LETTER}+)*['’]?|\\.{{2,}}|[^\\s]", text)
    return [part for word in found for part in parts_of_word(word)]


def parts_of_word(word):
    if len(word) == 1 or not re.search("['’]", word):
        return [word]
    quoted = re.fullmatch("(.+)(['’])", word)
    if quoted:
        return parts_of_word(quoted[1]) + [quoted[2]]
    negated = re.fullmatch("(.+)(n['’]t)", word, re.I)
    if negated:
        return parts_of_word(negated[1]) + [negated[2]]
    behind = re.fullmatch("(.+)(['’](?:s|m|d|t|re|ve|ll))", word, re.I)
    if behind:
        return parts_of_word(behind[1]) + [behind[2]]
    return re.findall("[^'’]+['’]?|['’]", word)


def framed(given):
    """Rows of its dimension are written, and stand between begin and end."""
    written = {each["shape"][0] for each in INPUTS if each["predicted"] and each["classes"] is not None and each["shape"]}
    return bool(given["shape"]) and given["shape"][0] in written


def ids_of(given, found):
    """Numbers of tokens as a row of an input."""
    vocabulary = RUN["vocabularies"][given["classes"]]
    return [vocabulary["begin"], *found, vocabulary["end"]] if framed(given) and "begin" in vocabulary else found


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
                example[given["name"]] = ids_of(given, found) if given["shape"] else found[0]
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


def parts_of(examples, drawn, groups=None):
    """Training and validation; rows of a table are drawn by the seed, windows of a series follow each other. \`groups\`: what of which row is about, in one part with all of it."""
    chance = random.Random(SOURCE["seed"])
    test, validation = held_out(len(examples))
    if groups is not None:
        members = {}
        for example, group in zip(examples, groups):
            members.setdefault(group, []).append(example)
        order = list(members.values())
        chance.shuffle(order)

        def take(count):
            rows = []
            while order and len(rows) < count:
                rows += order.pop()
            return rows

        take(test)
        held = take(validation)
        return take(math.inf), held
    if drawn:
        chance.shuffle(examples)
    end = len(examples) - test
    return examples[: end - validation], examples[end - validation : end]


def held_out(count):
    """How many are held out for the test, and for validation of what that leaves."""
    held = lambda count, share: round(count * share) if share < 1 else int(share)
    test = held(count, SOURCE["test"])
    return test, held(count - test, SOURCE["validation"])


def read_text(path):
    """A running text: ids of the training part and of what is held out."""
    (given,) = INPUTS
    ids = tokens(Path(path).read_text(encoding="utf-8-sig").replace("\\r\\n", "\\n"), RUN["vocabularies"][given["classes"]])
    test, validation = held_out(len(ids))
    end = len(ids) - test
    return ids[: end - validation], ids[end - validation : end]


# Texts in pairs, and images with what is written about them: all rows about one thing are held out together.

MANY = 10  # groups of which whole ones are held out; of fewer, single rows are


def lines_of(path):
    """Lines with their numbers."""
    text = Path(path).read_text(encoding="utf-8-sig")
    return [(number, line.rstrip("\\r")) for number, line in enumerate(text.split("\\n"), 1)]


def tidy(text):
    return re.sub(r"\\s+", " ", text).strip()


def read_pairs(path):
    """A sentence, a tab, its translation."""
    rows = []
    for number, line in lines_of(path):
        if line.strip():
            rows.append((*sides_of(path, number, line), None))
    return from_texts(rows)


def read_dialogue(path):
    """A turn a line with an empty line between conversations; or pairs with a tab."""
    rows, conversation, before, has_tabs = [], 0, None, None
    for number, line in lines_of(path):
        if not line.strip():
            conversation, before = conversation + 1, None
            continue
        has_tabs = "\\t" in line if has_tabs is None else has_tabs
        if has_tabs:
            rows.append((*sides_of(path, number, line), conversation))
            continue
        if before is not None:
            rows.append((before, tidy(line), conversation))
        before = tidy(line)
    return from_texts(rows)


def sides_of(path, number, line):
    sides = line.split("\\t")
    if len(sides) < 2:
        raise SystemExit(f"{path}, line {number}: there is no tab between two texts.")
    return tidy(sides[0]), tidy(sides[1])


def longest_side():
    return SOURCE.get("longest") or (500 if SOURCE["by"] == "char" else 100)


def from_texts(rows):
    examples, groups = [], []
    for first, second, conversation in rows:
        found = [tokens(text, RUN["vocabularies"][given["classes"]]) for given, text in zip(INPUTS, (first, second))]
        if all(0 < len(each) <= longest_side() for each in found):
            examples.append({given["name"]: ids_of(given, each) for given, each in zip(INPUTS, found)})
            groups.append((conversation, first.lower()))
    left_out(len(rows) - len(examples), "pairs with an empty or too long side")
    if not examples:
        raise SystemExit("There are no pairs in the data.")
    conversations, asked = [group for group, _ in groups], [text for _, text in groups]
    if len(set(conversations)) >= MANY:
        return parts_of(examples, True, conversations)
    return parts_of(examples, True, asked if MANY <= len(set(asked)) < len(asked) else None)


def left_out(count, what):
    if count:
        print(f"{count} {what} are left out.", flush=True)


def read_images(folder, captions):
    """Images of a folder with a table of their names and captions."""
    image = next(given for given in INPUTS if given["classes"] is None)
    caption = next(given for given in INPUTS if given["classes"] is not None)
    channels, height, width = (RUN["sizes"].get(size, size) for size in image["shape"])
    with open(captions, encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        rows = [row for row in csv.reader(file, delimiter="\\t" if "\\t" in first else ",") if row]
    names = [name.strip().lower() for name in rows[0]]
    at = lambda known, usual: next((k for k, name in enumerate(names) if name in known), usual)
    files = at({"image", "image_name", "file", "filename", "file_name"}, 0)
    texts = at({"caption", "comment", "text", "sentence"}, len(names) - 1)
    has_header = any(name in {"image", "image_name", "file", "filename", "file_name", "caption", "comment", "text", "sentence"} for name in names)
    keep = functools.lru_cache(maxsize=max(64, 2**29 // (channels * height * width)))(functools.partial(picture, channels=channels, height=height, width=width))
    examples, groups = [], []
    for row in rows[has_header:]:
        name = re.sub(r"#\\d+$", "", row[files].strip()).replace("\\\\", "/")
        path = Path(folder) / name
        found = tokens(tidy(row[texts]), RUN["vocabularies"][caption["classes"]])
        if path.is_file() and 0 < len(found) <= longest_side():
            examples.append({image["name"]: functools.partial(keep, path), caption["name"]: ids_of(caption, found)})
            groups.append(name)
    left_out(len(rows) - has_header - len(examples), "captions without an image, without a word, or too long")
    if not examples:
        raise SystemExit(f"None of the images of {captions} are in {folder}.")
    return parts_of(examples, True, groups)


def picture(path, channels, height, width):
    """[channels, height, width] of 0 to 1: turned as it was seen, on white where it is transparent, each new pixel the mean of the old ones that fall together there."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise SystemExit("Images are decoded by Pillow, which is not installed: pip install pillow") from None
    with Image.open(path) as image:
        rgba = ImageOps.exif_transpose(image).convert("RGBA")
    planes = torch.frombuffer(bytearray(rgba.tobytes()), dtype=torch.uint8).reshape(rgba.height, rgba.width, 4).permute(2, 0, 1).float()
    if channels < 4:
        planes = 255 + (planes[:3] - 255) * planes[3:] / 255
    if channels == 1:
        planes = (planes * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
    resized = torch.nn.functional.interpolate(planes[None], size=(height, width), mode="bilinear", align_corners=False, antialias=True)[0]
    return resized.round().clamp(0, 255).to(torch.uint8)


# Tasks that are generated.


def draw_task():
    name = SOURCE["task"]
    tasks = {"dates": draw_date, "shapes": draw_shapes, "repeating": draw_repeating}
    if name not in tasks:
        raise SystemExit(f"The task {name} is drawn by Unroll alone; train on it there, or give this program a file by changing the data line to a table or to arrays.")
    chance = random.Random(SOURCE["seed"])
    return parts_of([example_of(tasks[name](chance)) for _ in range(SOURCE.get("count") or 10_000)], drawn=False)


def example_of(drawn):
    """Each input takes what has its name, else what is left, in order."""
    left = [name for name in drawn if not any(given["name"] == name for given in INPUTS)]
    example = {}
    for given in INPUTS:
        value = drawn[given["name"] if given["name"] in drawn else left.pop(0)]
        if given["classes"] is not None:
            known = RUN["vocabularies"][given["classes"]]["tokens"]
            value = ids_of(given, [known.index(token) for token in value])
        example[given["name"]] = value
    return example


def draw_repeating(chance):
    symbols, length = SOURCE["options"].get("symbols", 20), SOURCE["options"].get("length", 10)
    least, most = length if isinstance(length, list) else (length, length)
    letters = [chr(97 + k) if symbols <= 26 else f"s{k}" for k in range(symbols)]
    said = [chance.choice(letters) for _ in range(chance.randint(least, most))]
    return {"source": said, "target": said}


MONTHS = "january february march april may june july august september october november december".split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def draw_date(chance):
    date = datetime.date.fromordinal(chance.randint(datetime.date(1900, 1, 1).toordinal(), datetime.date(2099, 12, 31).toordinal()))
    year, number, day = date.year, date.month, date.day
    month, weekday = MONTHS[number - 1], WEEKDAYS[date.weekday()]
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    short = f"'{year % 100:02}" if 1950 <= year < 2050 and chance.random() < 0.3 else f"{year}"
    forms = [
        f"{weekday} {day} {month} {year}",
        f"{weekday}, {month} {day}, {year}",
        f"{weekday[:3]} {day} {month[:3]} {year}",
        f"{day} {month} {short}",
        f"{month} {day}, {short}",
        f"{month[:3]} {day} {short}",
        f"the {day}{ending} of {month} {year}",
        f"{month} {day}{ending}, {year}",
        f"{day}-{month[:3]}-{year}",
        f"{day}.{number}.{year}",
        f"{day:02}.{number:02}.{year}",
        f"{number}/{day}/{year}",
    ]
    return {"written": list(chance.choice(forms)), "date": list(date.isoformat())}


COLOURS = {"red": (0.85, 0.12, 0.1), "green": (0.1, 0.6, 0.2), "blue": (0.12, 0.25, 0.85), "yellow": (0.95, 0.8, 0.1), "purple": (0.55, 0.15, 0.65)}


def draw_shapes(chance):
    """One thing, or a large one and a small one that are clearly beside or above each other."""

    def thing(least, most):
        radius = chance.uniform(least, most)
        place = lambda: chance.uniform(radius, 1 - radius)
        return chance.choice(list(COLOURS)), chance.choice(["circle", "square", "triangle"]), place(), place(), radius

    background = chance.uniform(0.85, 1)
    things = [thing(0.1, 0.2)] if chance.randrange(5) == 0 else None
    while things is None:
        large, small = thing(0.15, 0.2), thing(0.09, 0.12)
        x, y = large[2] - small[2], large[3] - small[3]
        further = max(abs(x), abs(y))
        if further > large[4] + small[4] + 0.04 and further > 1.5 * min(abs(x), abs(y)):
            things = [large, small]
    words = ["a", *things[0][:2]]
    if len(things) == 2:
        where = (["above"] if y < 0 else ["below"]) if abs(y) > abs(x) else [("left" if x < 0 else "right"), "of"]
        words += [*where, "a", *things[1][:2]]
    return {"image": functools.partial(painted, things, background, SOURCE["options"].get("size", 64)), "caption": words}


def painted(things, background, size):
    """[3, size, size] of 0 to 1, with four samples a pixel."""
    image = torch.full((3, size, size), background)
    at = (torch.arange(2 * size) + 0.5) / (2 * size)
    for colour, figure, x, y, radius in things:
        across, down = (at[None, :] - x) / radius, (at[:, None] - y) / radius
        inside = {
            "circle": across**2 + down**2 <= 1,
            "square": torch.maximum(across.abs(), down.abs()) <= 0.9,
            "triangle": (down <= 0.95) & (down >= -0.95) & (across.abs() <= (down + 0.95) / 1.9),
        }[figure]
        covered = inside.float().reshape(size, 2, size, 2).mean((1, 3))
        image += covered * (torch.tensor(COLOURS[colour])[:, None, None] - image)
    return image


# What networks in files make of an input.


def add_features(rows, network):
    for given in NETWORKS:
        use = given["network"]
        path = next((place for place in (Path(network or use["path"]), HERE / use["path"], HERE.parent / use["path"]) if place.is_file()), None)
        if path is None:
            raise SystemExit(f"There is no file {network or use['path']}, which the model reads images with. Say where it is: --network FILE")
        try:
            import onnxruntime
        except ImportError:
            raise SystemExit(f"{use['path']} is run by onnxruntime, which is not installed: pip install onnxruntime") from None
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        if use["gives"] not in [output.name for output in session.get_outputs()]:
            raise SystemExit(f"{use['gives']} is no output of {path.name}, but a value inside it. Make a network that ends there: onnx.utils.extract_model(FILE, OUT, ['{use['takes']}'], ['{use['gives']}'])")
        made = made_once(session, use, math.prod(given["shape"]))
        for row in rows:
            row[given["name"]] = functools.partial(made, Same(row[use["of"]]))


def made_once(session, use, count):
    """Computes what a network makes of a value, and keeps up to a gigabyte of it."""

    @functools.lru_cache(maxsize=max(64, 2**28 // count))
    def made(same):
        value = same.value() if callable(same.value) else torch.tensor(same.value)
        value = value / 255 if value.dtype == torch.uint8 else value.float()
        (found,) = session.run([use["gives"]], {use["takes"]: value[None].numpy()})
        return torch.from_numpy(found[0])

    return made


class Same:
    """A value by where it comes from: captions of one image have it in common."""

    def __init__(self, value):
        self.value = value
        self.key = (value.func, value.args) if isinstance(value, functools.partial) and all(isinstance(each, Path) for each in value.args) else id(value)

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


READERS = {"text": read_text, "table": read_table, "series": read_series, "arrays": read_arrays, "pairs": read_pairs, "dialogue": read_dialogue}


def parts(path, captions=None, network=None):
    """What is learned from, and what is validated on."""
    training, validation = read(path, captions)
    if NETWORKS:
        add_features(training + validation, network)
    return training, validation


def read(path, captions):
    if SOURCE["kind"] == "task":
        return draw_task()
    if path is None or not Path(path).exists():
        raise SystemExit(f"There is no {'folder' if SOURCE['kind'] == 'images' else 'file'} {path}. Say where the data is: --data {'FOLDER' if SOURCE['kind'] == 'images' else 'FILE'}")
    if SOURCE["kind"] != "images":
        return READERS[SOURCE["kind"]](path)
    places = [Path(captions)] if captions else [Path(path).parent / SOURCE["captions"], Path(path) / SOURCE["captions"], Path(SOURCE["captions"])]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise SystemExit(f"There is no file {captions or SOURCE['captions']}. Say where the captions are: --captions FILE")
    return read_images(path, found)
`;
