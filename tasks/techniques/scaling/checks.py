"""What an answer about scaling is held against."""

from grading.answers import Answer, choice, flag, name, named, number
from grading.checks import Finding, Truth, mean, near

METHODS = {
    "none": ("none", "no_scaling"),
    "standard": ("standard", "standard_scaler", "standardization"),
    "minmax": ("minmax", "min_max", "minmax_scaler"),
    "robust": ("robust", "robust_scaler"),
    "normalizer": ("normalizer", "normalize"),
}
MODELS = ("tree", "linear", "knn", "svm", "neural_network")
NEAR = 0.01  # relative; of a mean near zero, a hundredth of the standard deviation


def statistics(answer: Answer, truth: Truth) -> Finding:
    said = named(answer.get("feature_analysis"))
    right = []
    for column, expected in truth["statistics"].items():
        entry = named(said.get(name(column)))
        right += [
            near(number(entry.get(key)), value, relative=NEAR, absolute=NEAR * expected["std"])
            for key, value in expected.items()
        ]
    return Finding(share=mean(right), expected=truth["statistics"], answered=answer.get("feature_analysis"))


def outliers(answer: Answer, truth: Truth) -> Finding:
    """Columns with and without outliers count the same, however many there are of each."""
    said = named(answer.get("feature_analysis"))
    flags = {column: flag(named(said.get(name(column))).get("has_outliers")) for column in truth["outliers"]}
    sides = [
        mean(flags[column] is expected for column, expected in truth["outliers"].items() if expected is side)
        for side in (True, False)
    ]
    share = mean(side for side in sides if side is not None)
    return Finding(share=share, expected=truth["outliers"], answered=flags)


def differences(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("scale_differences")
    right = near(number(said), truth["differences"], relative=0.05)
    return Finding(share=float(right), expected=truth["differences"], answered=said)


def model(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("model_type")
    return Finding(share=float(choice(said, MODELS) == truth["model"]), expected=truth["model"], answered=said)


def need(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("needs_scaling")
    return Finding(share=float(flag(said) is truth["needs_scaling"]), expected=truth["needs_scaling"], answered=said)


def method(answer: Answer, truth: Truth) -> Finding:
    said = answer.get("chosen_method")
    chosen = next((key for key, words in METHODS.items() if choice(said, words)), None)
    return Finding(share=float(chosen in truth["methods"]), expected=truth["methods"], answered=said)
