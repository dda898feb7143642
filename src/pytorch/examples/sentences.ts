// Part of examples.py. Texts, pairs and conversations.

export const sentences = `
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

`;
