#!/usr/bin/env python3
"""The networks once more, in PyTorch, as the judge of ours.

  reference.py --write FILE    write the golden values of googlenet_tiny (committed beside this file)
  reference.py --check FILE... compare what dump_step wrote with what PyTorch computes from the same
                               weights and batch: logits, loss and every gradient of a step

Two tensors agree when  max |ours - theirs| <= 1e-4 * max |theirs|  over all their numbers.
Exit status: 0 agreed, 1 not, 77 PyTorch is not installed.

The gradient of a network with ReLU and max pooling has jumps: where a sum comes out within rounding
of zero, or two pixels of a window within rounding of each other, float32 decides by its last bit, and
one such bit moves gradients by 1e-3. GoogLeNet has half a million of these decisions per image, so
some images meet one, PyTorch's float32 against its own float64 as much as ours. Hence --check takes
the float32 or the float64 of PyTorch, whichever a file agrees with as a whole, and wants logits and
loss to agree in every file, the gradients in more than half of them. A fault of ours would show in all.

The files are safetensors with F32 tensors only:
  NAME            initial value of a parameter, by its name in state_dict()
  grad.NAME       its gradient in the first step
  images.K, labels.K   batch K: (N, C, H, W) and (N)
  logits, loss    of batch 0 before any update
  losses.sgd, losses.momentum   ten losses, batches taken in turn, as RECIPES says
"""

import array
import json
import struct
import sys

try:
    import torch
    from torch import nn
except ImportError:
    print("reference.py: PyTorch is not installed")
    sys.exit(77)

TOLERANCE = 1e-4
# Decay and momentum strong enough that leaving one out moves the losses a hundred times TOLERANCE.
RECIPES = {
    "sgd": dict(lr=0.1),
    "momentum": dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.02),
}


class Inception(nn.Module):
    """Four paths over one input, joined along the channels; ReLU after every convolution."""

    def __init__(self, source, one, three, five, pooled):
        super().__init__()
        self.p1_1 = nn.Conv2d(source, one, 1)
        self.p2_1 = nn.Conv2d(source, three[0], 1)
        self.p2_2 = nn.Conv2d(three[0], three[1], 3, padding=1)
        self.p3_1 = nn.Conv2d(source, five[0], 1)
        self.p3_2 = nn.Conv2d(five[0], five[1], 5, padding=2)
        self.p4_1 = nn.MaxPool2d(3, 1, 1)
        self.p4_2 = nn.Conv2d(source, pooled, 1)
        self.paths = (
            (self.p1_1,),
            (self.p2_1, self.p2_2),
            (self.p3_1, self.p3_2),
            (self.p4_1, self.p4_2),
        )

    def forward(self, image):
        results = []
        for path in self.paths:
            x = image
            for layer in path:
                x = layer(x)
                if isinstance(layer, nn.Conv2d):
                    x = x.relu()
            results.append(x)
        return torch.cat(results, 1)


def halve():
    return nn.MaxPool2d(3, 2, 1)


def blocks(source, *widths):
    """Inception blocks in a row; the width of one is the source of the next."""
    row = []
    for one, three, five, pooled in widths:
        row.append(Inception(source, one, three, five, pooled))
        source = one + three[1] + five[1] + pooled
    return row


def googlenet(channels, classes):
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, 64, 7, 2, 3), nn.ReLU(), halve()),
        nn.Sequential(nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, 1, 1), nn.ReLU(), halve()),
        nn.Sequential(
            *blocks(192, (64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)),
            halve(),
        ),
        nn.Sequential(
            *blocks(
                480,
                (192, (96, 208), (16, 48), 64),
                (160, (112, 224), (24, 64), 64),
                (128, (128, 256), (24, 64), 64),
                (112, (144, 288), (32, 64), 64),
                (256, (160, 320), (32, 128), 128),
            ),
            halve(),
        ),
        nn.Sequential(
            *blocks(832, (256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ),
        nn.Linear(1024, classes),
    )


def googlenet_tiny(channels, classes):
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, 16, 5, 2, 2), nn.ReLU()),
        nn.Sequential(
            *blocks(16, (8, (8, 16), (4, 8), 8), (16, (12, 24), (4, 12), 12)),
            halve(),
        ),
        nn.Sequential(*blocks(64, (24, (16, 40), (8, 16), 16)), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(96, classes),
    )


MODELS = {"googlenet": googlenet, "googlenet_tiny": googlenet_tiny}


def write_safetensors(path, tensors, metadata):
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        blob = array.array("f", tensor.detach().float().flatten().tolist()).tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        numbers = array.array("f", data[start + begin : start + end])
        tensors[name] = torch.tensor(numbers, dtype=torch.float32).reshape(about["shape"])
    return tensors, metadata


def first_step(net, images, labels):
    """Logits, mean loss and gradients, by name, of one batch."""
    net.zero_grad()
    logits = net(images)
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    grads = {"grad." + name: p.grad.clone() for name, p in net.named_parameters()}
    return {"logits": logits, "loss": loss.reshape(1), **grads}


def ten_losses(net, batches, recipe):
    net.load_state_dict(recipe.pop("start"))
    optimizer = torch.optim.SGD(net.parameters(), **recipe)
    losses = []
    for step in range(10):
        images, labels = batches[step % len(batches)]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses)


def make_batches(count, size, side, classes):
    """Blurred noise with a brighter square whose place tells the class, so that there is a gradient
    worth following. The sizes are odd: nothing may depend on whole vectors."""
    batches = []
    for _ in range(count):
        labels = torch.randint(classes, (size,))
        images = nn.functional.avg_pool2d(torch.rand(size, 1, side + 4, side + 4), 5, 1)
        for image, label in zip(images, labels.tolist()):
            row, column = 4 + 8 * (label // 4), 2 + 6 * (label % 4)
            image[:, row : row + 5, column : column + 5] += 0.4
        batches.append(((images * 255).round().clamp(0, 255) / 255, labels))
    return batches


def write_golden(path):
    torch.manual_seed(7)
    side, classes = 28, 10
    net = googlenet_tiny(1, classes)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
    batches = make_batches(3, 7, side, classes)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    tensors = dict(start)
    for k, (images, labels) in enumerate(batches):
        tensors["images.%d" % k], tensors["labels.%d" % k] = images, labels
    tensors.update(first_step(net, *batches[0]))
    for name, recipe in RECIPES.items():
        tensors["losses." + name] = ten_losses(net, batches, dict(recipe, start=start))
    write_safetensors(path, tensors, {"model": "googlenet_tiny", "torch": torch.__version__})
    print("losses:", *("%.4f" % x for x in tensors["losses.sgd"]), sep=" ")
    print("losses:", *("%.4f" % x for x in tensors["losses.momentum"]), sep=" ")


def difference(ours, theirs):
    """max |ours - theirs| / max |theirs|; infinite for different shapes and for what is not a number."""
    if ours.shape != theirs.shape or not torch.isfinite(ours).all():
        return float("inf")
    scale = theirs.abs().max().item()
    gap = (ours - theirs).abs().max().item()
    return gap / scale if scale > 0 else (0.0 if gap == 0 else float("inf"))


def gaps_to(ours, theirs):
    return sorted(((difference(ours[name], theirs[name].detach().float()), name) for name in theirs), reverse=True)


def check(path):
    """Whether logits and loss agree, and whether all gradients do."""
    ours, metadata = read_safetensors(path)
    images, labels = ours.pop("images.0"), ours.pop("labels.0").long()
    net = MODELS[metadata["model"]](images.shape[1], ours["logits"].shape[1])
    names = list(net.state_dict())
    net.load_state_dict({name: ours.pop(name) for name in names})
    single = first_step(net, images, labels)
    if set(ours) != set(single):
        print("%s: tensors differ: %s" % (path, sorted(set(ours) ^ set(single))))
        return False, False
    double = first_step(net.double(), images.double(), labels)
    results = (gaps_to(ours, single), "float32"), (gaps_to(ours, double), "float64")
    gaps, precision = min(results, key=lambda result: result[0][0])
    print(
        "%s: %s, %d images of %s, %d tensors, %d parameters: differs from PyTorch %s's %s by at most %.2e (%s)"
        % (
            path,
            metadata["model"],
            len(images),
            "x".join(map(str, images.shape[1:])),
            len(gaps),
            sum(p.numel() for p in net.parameters()),
            torch.__version__,
            precision,
            *gaps[0],
        )
    )
    right = {name for gap, name in gaps if gap <= TOLERANCE}
    return {"logits", "loss"} <= right, len(right) == len(gaps)


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--write":
        write_golden(arguments[1])
        return 0
    if len(arguments) >= 2 and arguments[0] == "--check":
        results = [check(path) for path in arguments[1:]]
        agreed = sum(gradients for _, gradients in results)
        print("%d of %d files agree in every gradient" % (agreed, len(results)))
        return 0 if all(forward for forward, _ in results) and 2 * agreed > len(results) else 1
    print(__doc__.strip())
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
