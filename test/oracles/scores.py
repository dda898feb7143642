# Writes scores.json: BLEU and chrF2 by sacreBLEU 2.x (pip install sacrebleu), which test/training/decoded.test.ts compares with.

import json
import random
from pathlib import Path

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

words = "the a cat dog sat on mat , . l'homme qu'il n'est 3.50 1,000 well-known ! ? été \"yes\" (no) &amp; $5 日本 😀 x-1 2-3 ...".split()
chance = random.Random(7)


def sentence(least, most):
    return " ".join(chance.choice(words) for _ in range(chance.randint(least, most)))


def spoiled(text):
    kept = [word for word in text.split(" ") if chance.random() > 0.15]
    return " ".join(chance.choice(words) if chance.random() < 0.15 else word for word in kept)


cases = []
for number in range(24):
    count = chance.randint(1, 12)
    per = chance.randint(1, 3) if number % 2 else 1
    references = [[sentence(1, 14) for _ in range(per)] for _ in range(count)]
    hypotheses = [spoiled(own[0]) if chance.random() < 0.9 else sentence(0, 9) for own in references]
    cases.append((hypotheses, references))
cases.append((["the cat sat on the mat ."], [["the cat sat on the mat ."]]))
cases.append((["cat"], [["cat"]]))
cases.append((["", "dog"], [["the dog", "a dog"], ["the cat", "a mat"]]))
cases.append((["xyz xyz xyz xyz xyz"], [["the cat sat on the mat"]]))
cases.append((["the the the the the the the"], [["the cat is on the mat", "there is a cat on the mat"]]))

found = []
for hypotheses, references in cases:
    streams = [[own[k] for own in references] for k in range(len(references[0]))]
    found.append(
        {
            "hypotheses": hypotheses,
            "references": references,
            "bleu": BLEU().corpus_score(hypotheses, streams).score,
            "chrf": CHRF().corpus_score(hypotheses, streams).score,
        }
    )
tokenise = Tokenizer13a()
texts = words + [sentence(3, 12) for _ in range(10)] + ["a-\nb\nc", "1,2.3,x", "$1.5-2.0%", "<skipped>a", "&lt;b&gt;", "l'été, c'est-à-dire…", " a  b\t"]
tokens = [{"text": text, "tokens": tokenise(text.rstrip()).split()} for text in texts]
Path(__file__).with_name("scores.json").write_text(json.dumps({"cases": found, "tokens": tokens}, indent=1, ensure_ascii=False) + "\n")
