from sklearn.metrics import f1_score

from tests.competitions.case import Case, csv_text, split_positions

# Folders sort by their own names: "Maize" before "Maize-b", though "Maize-b/" sorts before "Maize/".
SPECIES = ["Black-grass", "Common wheat", "Maize", "Maize-b", "Sugar beet"]
ROWS = [(f"{species[:3]}{i}{n}.png", species) for i, species in enumerate(SPECIES) for n in range(10)]
TRAIN, TEST = split_positions(50, 8)  # 0.14 * 50 = 7.000000000000001

CASES = [
    Case(
        id="plant-seedlings-classification",
        raw={
            **{f"train/{species}/{name}": f"photo {name}" for name, species in ROWS},
            "train/notes.png": "in no folder of a species",
            "train/Maize/thumbs.db": "no photo",
            "train/Maize/OTHER.PNG": "no photo either",
            "test/1.png": "photo without a label",
            "sample_submission.csv": "file,species\n1.png,Sugar beet\n",
        },
        prepared={
            **{f"public/train/{ROWS[n][1]}/{ROWS[n][0]}": f"photo {ROWS[n][0]}" for n in TRAIN},
            **{f"public/test/{ROWS[n][0]}": f"photo {ROWS[n][0]}" for n in TEST},
            "public/sample_submission.csv": csv_text(["file", "species"], [[ROWS[n][0], "Sugar beet"] for n in TEST]),
            "private/answers.csv": csv_text(["file", "species"], [ROWS[n] for n in TEST]),
        },
        # Missing, unknown and misspelled species are wrong, and no more.
        noise=lambda perfect, random: perfect.assign(species=["", "maize", "Oak", *perfect["species"][3:]]),
        score=lambda answers, submission: float(
            f1_score(answers["species"], submission["species"], average="micro", zero_division=0)
        ),
        best=1.0,
        valid={"a word for missing": lambda table: table.assign(species=table["species"].replace("", "NA"))},
        invalid={
            "no species at all": lambda table: table.assign(species=""),
            "numbers": lambda table: table.assign(species=range(len(table))),
            "truth values": lambda table: table.assign(species=False),
        },
    )
]
