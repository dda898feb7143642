// Part of examples.py. What a network makes of images, and the whole of the examples.

export const reading = `
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
