"""One PyTorch training step of a network, timed; see tests/bench/compare, which runs this with
tests/golden/networks.py as module `networks` in front of it.

  torch_step.py NETWORK WAY THREADS STEPS [BATCH] -> one line of JSON on standard output

WAY is chapter (float32, NCHW: the usual code), f32 (float32, channels-last) or bf16 (autocast,
channels-last). The images are random: no arithmetic here depends on what they show.
"""

import json
import resource
import statistics
import sys
import time

import torch

WARM_UP = 2


def timed(steps, run):
    times = []
    for i in range(WARM_UP + steps):
        start = time.perf_counter()
        run()
        if i >= WARM_UP:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(network, way, threads, steps, batch=128):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net, images = networks.MODELS[network](1, 10), torch.rand(batch, 1, 96, 96)
    net(images[:2])  # lazy layers take their shape
    labels = torch.randint(0, 10, (batch,))
    if way != "chapter":
        net, images = net.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    updates = torch.optim.SGD(net.parameters(), lr=1e-6)
    cross_entropy = torch.nn.CrossEntropyLoss()

    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "bf16")

    def train():
        updates.zero_grad()
        with autocast():
            loss = cross_entropy(net(images), labels)
        loss.backward()
        updates.step()

    def evaluate():
        with torch.no_grad(), autocast():
            net(images)

    seconds = timed(steps, train)
    net.eval()
    return {
        "torch": torch.__version__,
        "train": batch / seconds,
        "evaluate": batch / timed(steps, evaluate),
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


print(json.dumps(measure(*sys.argv[1:3], *map(int, sys.argv[3:]))))
