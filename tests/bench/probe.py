"""What the features of a trained googlenetd googlenet_bn are worth on other classes, by PyTorch alone: tests/bench/NOTES.md has its figures.

  PYTHONPATH=tests/golden tests/bench/probe.py MODEL.safetensors SET IMAGE_SIZE

SET has the four files of an MNIST-like set, of one channel. The pictures' features in evaluation mode, after three of the stages, are
averaged over the image; a logistic regression on those of the training pictures is fitted to the end (L-BFGS), and a new head by AdamW,
one cycle of 20 epochs in batches of 50, as a training with frozen features has it. Their accuracies are those of the test pictures.
The effective rank is the exponential of the entropy of the squared singular values' shares (Roy and Vetterli 2007)."""

import json
import pathlib
import struct
import sys

import networks
import torch
import torch.nn.functional as F

MEAN, DEVIATION = 0.286, 0.353  # as the trainings have them
TYPES = {"F32": torch.float32, "I64": torch.int64}
STAGES = {"stage 2": 3, "stage 3": 4, "the end": 5}  # modules before each


def read_tensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, about in json.loads(raw[8 : 8 + size]).items():
        if name != "__metadata__":
            first, end = (8 + size + offset for offset in about["data_offsets"])
            tensors[name] = torch.frombuffer(bytearray(raw[first:end]), dtype=TYPES[about["dtype"]]).reshape(about["shape"])
    return tensors


def read_idx(path):
    data = path.read_bytes()
    dims = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    return torch.frombuffer(bytearray(data[4 + 4 * data[3] :]), dtype=torch.uint8).reshape(dims)


def read_set(folder, kind, size):
    x = read_idx(folder / f"{kind}-images-idx3-ubyte")[:, None].float()
    if x.shape[-1] != size:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True).round().clamp(0, 255)
    return (x / 255 - MEAN) / DEVIATION, read_idx(folder / f"{kind}-labels-idx1-ubyte").long()


def features(net, images, modules):
    with torch.no_grad():
        parts = []
        for x in images.split(500):
            for module in list(net)[:modules]:
                x = module(x)
            parts.append(x.mean((2, 3)) if x.dim() == 4 else x)
    return torch.cat(parts)


def accuracy(logits, labels):
    return (logits.argmax(1) == labels).float().mean().item()


def regression(train, labels, test, test_labels, decay):
    mean, scale = train.mean(0), train.std(0).mean()
    train, test = (train - mean) / scale, (test - mean) / scale
    weight, bias = torch.zeros(train.shape[1], 10, requires_grad=True), torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(train @ weight + bias, labels) + decay * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return accuracy(test @ weight + bias, test_labels)


def head(train, labels, test, test_labels, rate, epochs=20, batch=50):
    linear = torch.nn.Linear(train.shape[1], 10)
    torch.nn.init.xavier_uniform_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    groups = [{"params": [linear.weight], "weight_decay": 5e-4}, {"params": [linear.bias], "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    steps = epochs * -(-len(train) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, cycle_momentum=False)
    for _ in range(epochs):
        for part in torch.randperm(len(train)).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(linear(train[part]), labels[part]).backward()
            optimizer.step()
            schedule.step()
    return accuracy(linear(test), test_labels)


def effective_rank(x):
    squares = torch.linalg.svdvals(x - x.mean(0)).square()
    shares = squares / squares.sum()
    return torch.exp(-(shares * (shares + 1e-12).log()).sum()).item()


def main():
    torch.manual_seed(0)
    model, folder, size = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    tensors = read_tensors(model)
    net = networks.MODELS["googlenet_bn"](1, tensors["5.weight"].shape[0])
    net.load_state_dict(tensors)
    net.eval()
    images, labels = read_set(folder, "train", size)
    test_images, test_labels = read_set(folder, "t10k", size)
    for name, modules in STAGES.items():
        train, test = features(net, images, modules), features(net, test_images, modules)
        fits = {decay: round(regression(train, labels, test, test_labels, decay), 3) for decay in (1e-5, 1e-4, 1e-3, 1e-2)}
        print(f"{name}: {train.shape[1]} features, deviation {train.std(0).mean():.3f}, effective rank {effective_rank(train):.1f}; "
              f"regression, by its decay: {fits}", flush=True)  # fmt: skip
    heads = {rate: round(head(train, labels, test, test_labels, rate), 3) for rate in (0.01, 0.03, 0.1, 0.3, 1.0)}
    print(f"a head on those of the end, by its rate: {heads}")


if __name__ == "__main__":
    main()
