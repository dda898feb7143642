// Part of examples.py. Tables, series and arrays, and what of them is held out.

export const rows = `
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

`;
