import numpy as np
import pandas as pd

from tests.competitions.case import Case, csv_text

KINDS = ['He said : " Nö " {} .', "  two  {}  blanks  here ", "two {}", "", "three short {}", '" {} " , they\x0bsaid']
LINES = [KINDS[n % len(KINDS)].format(f"w{n}") for n in range(2400)]
ENDS = ["\n", "\r\n", "\n", "\r"]
RAW = "".join(line + ENDS[n % 4] for n, line in enumerate(LINES))


def _split() -> tuple[list[str], list[str], list[str]]:
    """Lines of train, sentences of test, and the same with a word missing."""
    random = np.random.RandomState(0)
    train, whole, shortened = [], [], []
    for line in LINES:
        drawn = random.uniform() <= 0.01
        words = line.split()
        if drawn and len(words) > 2:
            missing = int(random.randint(1, len(words) - 1))
            whole.append(line.strip())
            shortened.append(" ".join(word for place, word in enumerate(words) if place != missing))
        else:
            train.append(line)
    return train, whole, shortened


TRAIN, WHOLE, SHORTENED = _split()


def _quoted(sentences: list[str]) -> str:
    rows = (f'{n},"{sentence.replace(chr(34), chr(34) * 2)}"' for n, sentence in enumerate(sentences))
    return "\n".join(['"id","sentence"', *rows, ""])


def _distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, start=1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (one != other))
    return row[-1]


def _noise(perfect: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return perfect.assign(sentence=[f"X{sentence[:-2]}ü😀" for sentence in perfect["sentence"]])


def _score(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return float(np.mean([_distance(*pair) for pair in zip(answers["sentence"], submission["sentence"], strict=True)]))


CASES = [
    Case(
        id="billion-word-imputation",
        raw={"train_v2.txt.zip": {"train_v2.txt": RAW}, "test_v2.txt.zip": {"test_v2.txt": csv_text(["id"], [])}},
        prepared={
            "public/train_v2.txt.zip": {"train_v2.txt": "".join(f"{line}\n" for line in TRAIN)},
            "public/test_v2.txt.zip": {"test_v2.txt": _quoted(SHORTENED)},
            "private/test.csv": _quoted(WHOLE),
            "private/sample_submission.csv": _quoted(SHORTENED),
        },
        noise=_noise,
        score=_score,
        best=0.0,
        valid={"ids as floats": lambda table: table.assign(id=table["id"].astype(float))},
        invalid={
            "a word for nothing": lambda table: table.assign(sentence=["null", *table["sentence"].iloc[1:]]),
            "nothing but numbers": lambda table: table.assign(sentence=range(len(table))),
        },
    )
]
