"""PyTorch's DistributedDataParallel over Gloo, for run's `torch`: one rank's CPU time.

  ddp.py NETWORK WAY RANK RANKS STEPS [BATCH] -> CPU milliseconds of this rank for an example of the batch

WAY is f32 or bf16 (autocast), both channels-last. BATCH is that of all ranks. Rank 0 listens on 10.77.0.1.
tests/golden/networks.py is module `networks`.
"""

import os
import resource
import sys

import networks
import torch
import torch.distributed as dist

WARM_UP = 2


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(network, way, rank, ranks, steps, batch=128):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net, images = networks.MODELS[network](1, 10), torch.rand(batch // ranks, 1, 96, 96)
    net(images[:2])  # lazy layers take their shape
    labels = torch.randint(0, 10, (batch // ranks,))
    net, images = net.to(memory_format=torch.channels_last), images.to(memory_format=torch.channels_last)
    if ranks > 1:
        os.environ.update(MASTER_ADDR="10.77.0.1", MASTER_PORT="29500", GLOO_SOCKET_IFNAME="eth0", USE_LIBUV="0")
        dist.init_process_group("gloo", rank=rank, world_size=ranks)
        net = torch.nn.parallel.DistributedDataParallel(net)
    updates = torch.optim.SGD(net.parameters(), lr=1e-6)
    cross_entropy = torch.nn.CrossEntropyLoss()
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            start = cpu_seconds()
        updates.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "bf16"):
            loss = cross_entropy(net(images), labels)
        loss.backward()
        updates.step()
    print(f"{(cpu_seconds() - start) / steps / batch * 1000:.4f}")
    if ranks > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
