#!/usr/bin/env python3
"""config/jobs/emoji.json in PyTorch, on the same packed set: emoji.py JOB.json FOLDER [THREADS]

FOLDER is a set made by `googlenetd dataset import`. Network, initial values, optimizer, schedule, class weights,
augmentation, normalisation and the stratified split are the job's; the random numbers are PyTorch's own, and the
arithmetic is bfloat16 by autocast, as ours is. The epoch with the best validation accuracy is tested, once.
"""
import copy
import json
import pathlib
import sys
import time

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))
import networks


def split_of(folder, name):
    raw = (folder / f"{name}.labels").read_bytes()
    labels = torch.tensor([raw[i] | raw[i + 1] << 8 for i in range(0, len(raw), 2)])
    pixels = torch.frombuffer(bytearray((folder / f"{name}.pixels").read_bytes()), dtype=torch.uint8)
    side = round((len(pixels) / len(labels) / 3) ** 0.5)
    return pixels.view(len(labels), side, side, 3).permute(0, 3, 1, 2), labels


def held_out(labels, share):
    """Which examples train and which validate: a share of every class alike."""
    train, validation = [], []
    for label in labels.unique():
        mine = (labels == label).nonzero().flatten()
        mine = mine[torch.randperm(len(mine))]
        n = round(share * len(mine))
        validation.append(mine[:n])
        train.append(mine[n:])
    return torch.cat(train), torch.cat(validation)


def augmented(pixels, padding):
    """RandomCrop with padding and RandomHorizontalFlip, each picture by draws of its own."""
    n, _, height, width = pixels.shape
    wide = nn.functional.pad(pixels, [padding] * 4)
    rows, columns = (torch.randint(0, 2 * padding + 1, (n,)).tolist() for _ in range(2))
    flips = (torch.rand(n) < 0.5).tolist()
    cut = [wide[i, :, rows[i] : rows[i] + height, columns[i] : columns[i] + width] for i in range(n)]
    return torch.stack([picture.flip(-1) if flip else picture for picture, flip in zip(cut, flips)])


def start(module):
    """The initial values that our googlenet_bn has; a linear layer's bias is PyTorch's default."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)


def autocast():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def accuracy(net, prepared, pixels, labels):
    net.eval()
    with torch.no_grad(), autocast():
        right = sum((net(prepared(pixels[at])).argmax(1) == labels[at]).sum().item() for at in torch.arange(len(labels)).split(256))
    return right / len(labels)


def groups(net, decay):
    with_decay = [p for p in net.parameters() if p.dim() > 1]
    without = [p for p in net.parameters() if p.dim() <= 1]
    return [{"params": with_decay, "weight_decay": decay}, {"params": without, "weight_decay": 0}]


def main():
    job, folder = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    torch.manual_seed(job["seed"])
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    (pixels, labels), (test_pixels, test_labels) = split_of(folder, "train"), split_of(folder, "test")
    train, validation = held_out(labels, job["validation_split"])
    shown = pixels[train].float() / 255
    mean, std = shown.mean((0, 2, 3), keepdim=True), shown.std((0, 2, 3), keepdim=True, unbiased=False)
    del shown

    def prepared(some):
        return ((some.float() / 255 - mean) / std).to(memory_format=torch.channels_last)

    net = networks.MODELS[job["network"]](3, int(labels.max()) + 1).to(memory_format=torch.channels_last)
    net.apply(start)
    batches = -(-len(train) // job["batch_size"])
    optimizer = torch.optim.AdamW(groups(net, job["optimizer"]["weight_decay"]), lr=job["optimizer"]["learning_rate"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, job["optimizer"]["learning_rate"], total_steps=job["epochs"] * batches, cycle_momentum=False
    )
    counts = torch.bincount(labels[train]).float()
    cross_entropy = nn.CrossEntropyLoss(weight=len(train) / (len(counts) * counts))
    best, state, began = -1.0, None, time.perf_counter()
    for epoch in range(job["epochs"]):
        net.train()
        for at in train[torch.randperm(len(train))].split(job["batch_size"]):
            optimizer.zero_grad()
            with autocast():
                loss = cross_entropy(net(prepared(augmented(pixels[at], job["augmentation"]["crop_padding"]))), labels[at])
            loss.backward()
            optimizer.step()
            schedule.step()
        figure = accuracy(net, prepared, pixels[validation], labels[validation])
        print(f"epoch {epoch + 1}: validation accuracy {figure:.4f}, {time.perf_counter() - began:.0f} s, {time.process_time():.0f} s of CPU", flush=True)
        if figure > best:
            best, state = figure, copy.deepcopy(net.state_dict())
    print(f"last: test accuracy {accuracy(net, prepared, test_pixels, test_labels):.4f}")
    net.load_state_dict(state)
    print(f"best: validation accuracy {best:.4f}, test accuracy {accuracy(net, prepared, test_pixels, test_labels):.4f}")


if __name__ == "__main__":
    main()
