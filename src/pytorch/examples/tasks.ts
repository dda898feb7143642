// Part of examples.py. Generated tasks: rows of the same kind as Unroll draws, by Python's own chance.

export const tasks = `
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

`;
