from sklearn.metrics import roc_auc_score

from tests.competitions.case import Case, csv_text

DAYS = ["20090328", "20090329", "20090330", "20090331"]
# (name before TRAIN, label): numbers go against the order by name, and milliseconds are not padded.
CLIPS = [
    (f"{day}_{hour:02}0000_{second:03}s{millisecond}ms_", (hour + second + millisecond) % 3 // 2)
    for day in DAYS
    for hour in (0, 13)
    for second, millisecond in ((2, 3), (2, 27), (10, 0))
]
NAMES = {f"{start}TRAIN{90 - n}_{label}.aif": (start, label) for n, (start, label) in enumerate(CLIPS)}
IN_ORDER = sorted(NAMES)
TRAIN, TEST = IN_ORDER[:12], IN_ORDER[12:]
NEW_TEST = [(f"{NAMES[old][0]}Test{new}.aif", NAMES[old][1]) for new, old in enumerate(TEST)]

CASES = [
    Case(
        id="the-icml-2013-whale-challenge-right-whale-redux",
        raw={
            "train2.zip": {f"train2/{name}": f"sound {name}" for name in NAMES},
            "test2.zip": {"test2/20090401_000000_000s0ms_Test0.aif": "sound without a label"},
            "sampleSubmission.csv": "not used",
        },
        prepared={
            "public/train2.zip": {
                f"train2/{NAMES[old][0]}TRAIN{new}_{NAMES[old][1]}.aif": f"sound {old}" for new, old in enumerate(TRAIN)
            },
            "public/test2.zip": {f"test2/{new}": f"sound {old}" for old, (new, _) in zip(TEST, NEW_TEST, strict=True)},
            "private/test.csv": csv_text(["clip", "probability"], NEW_TEST),
            "public/sampleSubmission.csv": csv_text(["clip", "probability"], [(name, 0) for name, _ in NEW_TEST]),
        },
        noise=lambda perfect, random: perfect.assign(probability=random.integers(0, 4, len(perfect)) / 3),
        score=lambda answers, submission: float(roc_auc_score(answers["probability"], submission["probability"])),
        best=1.0,
        invalid={
            "just below 0": lambda table: table.assign(probability=-1e-9),
            "names without .aif": lambda table: table.assign(clip=table["clip"].str.removesuffix(".aif")),
        },
    )
]
