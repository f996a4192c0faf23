#!/usr/bin/python3
"""Write figures.safetensors: logits, labels, and what scikit-learn and SciPy make of them.

Needs scikit-learn. Usage: tests/golden/figures.py [OUT]

Nine classes and 250 examples; nobody guesses class 6, class 7 has no example, and class 8 neither. The logits are twice as sure as they
are right, so that there is something to calibrate.
"""
import json
import pathlib
import struct
import sys

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import (accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support,
                             top_k_accuracy_score)

COUNT, CLASSES, BINS = 250, 9, 15


def calibration_error(probabilities, labels):
    sure, hit = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.ceil(sure * BINS) - 1
    return sum(abs(sure[bins == b].sum() - hit[bins == b].sum()) for b in range(BINS)) / len(labels)


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, array in sorted(tensors.items(), key=lambda t: t[1].dtype.kind == "f"):
        kind = "F32" if array.dtype.kind == "f" else "I64"
        raw = array.astype("<f4" if kind == "F32" else "<i8").tobytes()
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 7, COUNT)
    logits = rng.normal(0, 1, (COUNT, CLASSES))
    logits[np.arange(COUNT), labels] += 1.5
    logits[:, [6, 8]] -= 6  # not more: scikit-learn clips what is below 1e-16
    logits = (2 * logits).astype(np.float32)
    z, every = logits.astype(np.float64), range(CLASSES)
    guesses, probabilities = z.argmax(1), softmax(z, 1)
    assert not (guesses == 6).any() and (labels == 6).any()
    assert (guesses == 7).any() and not (labels == 7).any()
    assert not (guesses == 8).any() and not (labels == 8).any()
    each = precision_recall_fscore_support(labels, guesses, labels=every, zero_division=0)
    metadata = {}
    for average in ("macro", "weighted"):
        means = precision_recall_fscore_support(labels, guesses, average=average, zero_division=0)
        for name, mean in zip(("precision", "recall", "f1"), means):
            metadata[f"{average}_{name}"] = mean

    def loss_at(temperature):
        return -log_softmax(z / temperature, 1)[np.arange(COUNT), labels].mean()

    best = minimize_scalar(loss_at, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10})
    metadata |= {
        "accuracy": accuracy_score(labels, guesses),
        "top5_accuracy": top_k_accuracy_score(labels, z, k=5, labels=every),
        "loss": log_loss(labels, probabilities, labels=every),
        "expected_calibration_error": calibration_error(probabilities, labels),
        "temperature": best.x,
        "loss_at_temperature": best.fun,
    }
    tensors = {"logits": logits, "labels": labels, "confusion": confusion_matrix(labels, guesses, labels=every),
               "precision": each[0], "recall": each[1], "f1": each[2], "support": each[3]}
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "figures.safetensors"
    write_safetensors(path, tensors, {name: repr(float(value)) for name, value in metadata.items()})


if __name__ == "__main__":
    main()
