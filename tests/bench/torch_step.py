"""PyTorch's training steps of a network, timed on demand; see tests/bench/compare, which runs this with
tests/golden/networks.py as module `networks` in front of it.

  torch_step.py NETWORK WAY THREADS [BATCH]

WAY is chapter (float32, NCHW: the usual code), f32 (float32, channels-last), bf16 (autocast, channels-last: float32
weights, as ours) or pure (weights, gradients and update in bfloat16 as well, channels-last), and -compiled behind one of
them: by torch.compile. The images are random: no arithmetic here depends on what they show.

Says so once it is warm, then reads lines with a number of steps: each is answered by a line of JSON, of medians in
milliseconds of wall time and of CPU time of all threads.
"""

import json
import resource
import statistics
import sys
import time

import torch


def timed(steps, run):
    wall, cpu = [], []
    for _ in range(steps):
        start, used = time.perf_counter(), time.process_time()
        run()
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - used))
    return statistics.median(wall), statistics.median(cpu)


def steps_of(network, way, threads, batch):
    """A training step and an evaluation, as functions."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    number, compiled = way.removesuffix("-compiled"), way.endswith("-compiled")
    net, images = networks.MODELS[network](1, 10), torch.rand(batch, 1, 96, 96)  # noqa: F821, from the program before
    net(images[:2])  # lazy layers take their shape
    labels = torch.randint(0, 10, (batch,))
    if number == "pure":
        net, images = net.bfloat16(), images.bfloat16()
    if number != "chapter":
        net, images = net.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    updates = torch.optim.SGD(net.parameters(), lr=1e-6)
    cross_entropy = torch.nn.CrossEntropyLoss()
    run = torch.compile(net) if compiled else net

    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=number == "bf16")

    def train():
        net.train()
        updates.zero_grad()
        with autocast():
            loss = cross_entropy(run(images), labels)
        loss.backward()
        updates.step()

    def evaluate():
        net.eval()
        with torch.no_grad(), autocast():
            run(images)

    return train, evaluate


def main(network, way, threads, batch="128"):
    train, evaluate = steps_of(network, way, int(threads), int(batch))
    for run in (train, evaluate) * 2:
        run()
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        step, step_cpu = timed(int(line), train)
        forward, forward_cpu = timed(int(line), evaluate)
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"train": step, "train_cpu": step_cpu, "evaluate": forward, "evaluate_cpu": forward_cpu, "resident_mb": resident}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
