// Part of examples.py. What is imported, and a text as the numbers of its tokens.

export const tokens = `"""The examples of data.json's source, for train.py: dictionaries of lists by the names of the model's inputs. What is held out of them is drawn by Python's
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

`;
