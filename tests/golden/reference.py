#!/usr/bin/env python3
"""The networks once more, in PyTorch, as the judge of ours.

  reference.py --write NAME FILE     write the golden values of a small network (committed beside this file)
  reference.py --check FILE...       compare what dump_step wrote with what PyTorch computes from the same weights and
                                     batch: logits, loss and every gradient of a step, and what two steps leave behind
  reference.py --weights NAME FILE   write weights as training in torchvision leaves them, auxiliary heads included,
                                     for dump_step to load
  reference.py --logits FILE         compare the logits in evaluation alone

Two tensors agree when  max |ours - theirs| <= 1e-4 * max |theirs|  over all their numbers, theirs in float64, or when
ours is no further from it than eight times PyTorch's float32.
Exit status: 0 agreed, 1 not, 77 PyTorch is not installed.

The gradient of a network with ReLU and max pooling has jumps: where a sum comes out within rounding of zero, or two
pixels of a window within rounding of each other, float32 decides by its last bit, and one such bit moves gradients by
1e-3. GoogLeNet has half a million of these decisions per image, so some images meet one, PyTorch's float32 against its
own float64 as much as ours. Hence --check wants logits, loss and statistics to agree in every file, the gradients in
more than half of those of a network. A fault of ours would show in all.

The files are safetensors:
  NAME            initial value of a parameter or running statistic, by its name in state_dict()
  grad.NAME       its gradient in the first step
  images.K, labels.K   batch K: (N, C, H, W) and (N)
  logits          of batch 0 in evaluation, before any update
  loss            of batch 0 in training
  after.NAME      a running statistic after two steps of plain SGD at a rate of 0.01 on batch 0
  after.logits    of batch 0 in evaluation then
  losses.sgd, losses.momentum   ten losses, batches taken in turn, as RECIPES says
Dropout is left out everywhere: its masks are ours alone.
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

sys.dont_write_bytecode = True
from networks import MODELS  # noqa: E402

TOLERANCE = 1e-4
AFTER_RATE = 0.01
# Of the golden values. That of blocks_tiny is one with which PyTorch's float32 stays within 1e-6 of its float64 over
# ten steps of both recipes: where a decision of a ReLU hangs on the last bit, later losses are 1e-3 apart.
SEEDS = {"googlenet_tiny": 7, "blocks_tiny": 9}
# Decay and momentum strong enough that leaving one out moves the losses a hundred times TOLERANCE.
RECIPES = {
    "sgd": dict(lr=0.1),
    "momentum": dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.02),
}


def write_safetensors(path, tensors, metadata):
    header, blobs, offset = {"__metadata__": metadata}, [], 0
    # Numbers of eight bytes first, so that all are aligned.
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1].dtype != torch.int64):
        whole = tensor.dtype == torch.int64 and name.endswith("num_batches_tracked")
        numbers = tensor.detach().flatten().tolist()
        blob = array.array("q" if whole else "f", numbers).tobytes()
        header[name] = {
            "dtype": "I64" if whole else "F32",
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
        data = bytearray(f.read())
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    types = {"F32": torch.float32, "I64": torch.int64}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        numbers = torch.frombuffer(data[start + begin : start + end], dtype=types[about["dtype"]])
        tensors[name] = numbers.reshape(about["shape"])
    return tensors, metadata


def evaluated(net, images):
    net.eval()
    with torch.no_grad():
        return net(images)


def train(net, images, labels):
    """Logits and gradients of one batch; the running statistics move."""
    net.train()
    net.zero_grad()
    loss = nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    return loss.reshape(1).detach()


def statistics(net):
    trained = dict(net.named_parameters())
    return {name: value for name, value in net.state_dict().items() if name not in trained}


def two_steps(net, images, labels):
    """What a file holds of a network, by name."""
    found = {"logits": evaluated(net, images), "loss": train(net, images, labels)}
    found.update({"grad." + name: p.grad.clone() for name, p in net.named_parameters()})
    optimizer = torch.optim.SGD(net.parameters(), lr=AFTER_RATE)
    optimizer.step()
    train(net, images, labels)
    optimizer.step()
    found.update({"after." + name: value.clone() for name, value in statistics(net).items()})
    found["after.logits"] = evaluated(net, images)
    return found


def ten_losses(net, batches, recipe):
    net.load_state_dict(recipe.pop("start"))
    optimizer = torch.optim.SGD(net.parameters(), **recipe)
    losses = []
    for step in range(10):
        losses.append(train(net, *batches[step % len(batches)]).item())
        optimizer.step()
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


def write_golden(model, path):
    torch.manual_seed(SEEDS[model])
    side, classes = 28, 10
    net = MODELS[model](1, classes)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            # Few results near 0, where a ReLU's gradient jumps by a rounding: with many, PyTorch's own float32 is
            # 1e-2 from its float64 after five steps.
            nn.init.uniform_(module.weight, 0.2, 0.3)
            nn.init.uniform_(module.bias, 0.8, 1.2)
    batches = make_batches(3, 7, side, classes)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    tensors = dict(start)
    for k, (images, labels) in enumerate(batches):
        tensors["images.%d" % k], tensors["labels.%d" % k] = images, labels.float()
    tensors.update(two_steps(net, *batches[0]))
    for name, recipe in RECIPES.items():
        tensors["losses." + name] = ten_losses(net, batches, dict(recipe, start=start))
    write_safetensors(path, tensors, {"model": model, "torch": torch.__version__})
    double = [(images.double(), labels) for images, labels in batches]
    for name, recipe in RECIPES.items():
        found, exact = tensors["losses." + name], ten_losses(net.double(), double, dict(recipe, start=start))
        print("losses:", *("%.4f" % x for x in found), "float64 at most %.1e away" % gap(found, exact))


def write_weights(model, path):
    """Weights under which every layer's values stay near 1, so that a wrong one would show."""
    torch.manual_seed(5)
    net = MODELS[model](3, 10, heads=True)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.8, 1.2)
            for tensor in (module.bias, module.running_mean):
                nn.init.uniform_(tensor, -0.1, 0.1)
            module.num_batches_tracked += 17
    write_safetensors(path, net.state_dict(), {"model": model})


def gap(ours, theirs):
    """max |ours - theirs|; infinite for different shapes and for what is not a number."""
    if ours.shape != theirs.shape or not torch.isfinite(ours).all():
        return float("inf")
    return (ours.double() - theirs.double()).abs().max().item()


def differences(ours, single, double):
    """By how much each tensor of ours differs from PyTorch's float64, the worst first, in shares of what it may:
    TOLERANCE of its largest number, or eight times what PyTorch's float32 differs by, if that is more. (A shift that
    the next normalisation takes out again has a gradient of 0, and either float32 finds some noise there.)"""
    shares = []
    for name, exact in double.items():
        exact = exact.detach()
        allowed = max(TOLERANCE * exact.abs().max().item(), 8 * gap(single[name].detach(), exact))
        found = gap(ours[name], exact)
        shares.append((found / allowed if allowed > 0 else float(found > 0) * 1e9, name))
    return sorted(shares, reverse=True)


def build(model, images, classes):
    """The network, without dropout."""
    net = MODELS[model](images.shape[1], classes)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    evaluated(net, images)  # lazy layers take their shape
    return net


def check_logits(path):
    ours, metadata = read_safetensors(path)
    images = ours["images.0"]
    net = build(metadata["model"], images, ours["logits"].shape[1]).double()
    net.load_state_dict({name: ours[name] for name in net.state_dict()})
    exact = evaluated(net, images.double())
    found = gap(ours["logits"], exact) / exact.abs().max().item()
    print("%s: %s: the logits differ from PyTorch %s by %.1e" % (path, metadata["model"], torch.__version__, found))
    return found <= TOLERANCE


def check(path):
    """The model, whether logits, loss and statistics agree, and whether all gradients do."""
    ours, metadata = read_safetensors(path)
    model = metadata["model"]
    images, labels = ours.pop("images.0"), ours.pop("labels.0").long()
    net = build(model, images, ours["logits"].shape[1])
    start = {name: ours.pop(name) for name in net.state_dict()}
    net.load_state_dict(start)
    single = two_steps(net, images, labels)
    if set(ours) != set(single):
        print("%s: tensors differ: %s" % (path, sorted(set(ours) ^ set(single))[:9]))
        return model, False, False
    net.load_state_dict(start)
    double = two_steps(net.double(), images.double(), labels)
    shares = differences(ours, single, double)
    print(
        "%s: %s, %d images of %s, %d tensors, %d parameters: the worst differs from PyTorch %s by %.2f of what it may (%s)"
        % (
            path,
            model,
            len(images),
            "x".join(map(str, images.shape[1:])),
            len(shares),
            sum(p.numel() for p in net.parameters()),
            torch.__version__,
            *shares[0],
        )
    )
    forward = [share for share, name in shares if not name.startswith("grad.")]
    return model, max(forward) <= 1, shares[0][0] <= 1


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--write":
        write_golden(*arguments[1:])
        return 0
    if len(arguments) == 3 and arguments[0] == "--weights":
        write_weights(*arguments[1:])
        return 0
    if len(arguments) == 2 and arguments[0] == "--logits":
        return 0 if check_logits(arguments[1]) else 1
    if len(arguments) >= 2 and arguments[0] == "--check":
        results = [check(path) for path in arguments[1:]]
        right = all(forward for _, forward, _ in results)
        for model in sorted({model for model, _, _ in results}):
            gradients = [agreed for name, _, agreed in results if name == model]
            print("%s: %d of %d files agree in every gradient" % (model, sum(gradients), len(gradients)))
            right = right and 2 * sum(gradients) > len(gradients)
        return 0 if right else 1
    print(__doc__.strip())
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
