from collections.abc import Iterable, Sequence

import pandas as pd
from sklearn.metrics import accuracy_score

from tests.competitions.case import Case, csv_text, split_positions

HEADER = ["PhraseId", "SentenceId", "Phrase", "Sentiment"]
PHRASES = ["a gem , n't it", 'the "film', "NA", "null", "None", " ", "1.50", "it 's\u00e9", "a,b"]
LOST = ("NA", "null", "None")  # read as missing
ROWS = [(n + 1, n // 4 + 1, PHRASES[n % len(PHRASES)], n * n % 5) for n in range(36)]
READ = [(*row[:2], "" if row[2] in LOST else row[2], row[3]) for row in ROWS]
TRAIN, TEST = split_positions(36, 11)  # ceil(10.8)


def _tsv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Tabs; quotes where a cell holds one."""
    lines = [[_quoted(str(cell)) for cell in row] for row in [header, *rows]]
    return "".join("\t".join(line) + "\n" for line in lines)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if '"' in cell else cell


CASES = [
    Case(
        id="movie-review-sentiment-analysis-kernels-only",
        raw={
            "train.tsv.zip": {"train.tsv": _tsv(HEADER, ROWS)},
            "test.tsv.zip": {"test.tsv": "PhraseId\tSentenceId\tPhrase\n"},
            "sampleSubmission.csv": "PhraseId,Sentiment\n",
        },
        prepared={
            "public/train.tsv.zip": {"train.tsv": _tsv(HEADER, [READ[n] for n in TRAIN])},
            "public/test.tsv.zip": {"test.tsv": _tsv(HEADER[:3], [READ[n][:3] for n in TEST])},
            "public/sampleSubmission.csv": csv_text(["PhraseId", "Sentiment"], [[READ[n][0], 2] for n in TEST]),
            "private/answers.csv": csv_text(HEADER, [READ[n] for n in TEST]),
        },
        noise=lambda perfect, random: perfect.assign(Sentiment=[7, *random.integers(0, 5, len(perfect) - 1)]),
        score=lambda answers, submission: float(accuracy_score(answers["Sentiment"], submission["Sentiment"])),
        best=1.0,
        valid={
            "ratings as floats": lambda table: table.assign(Sentiment=table["Sentiment"].astype(float)),
            "ids as floats": lambda table: table.assign(PhraseId=table["PhraseId"].astype(float)),
        },
        invalid={
            "tabs in place of commas": lambda table: pd.DataFrame(
                {"PhraseId\tSentiment": table["PhraseId"].astype(str) + "\t" + table["Sentiment"].astype(str)}
            )
        },
    )
]
