"""The networks of core/models once more, in PyTorch: every module here has the names, shapes and layouts that
core/models gives its parameters. torchvision's own are used where ours are said to be those."""

import torch
from torch import nn


class Paths(nn.Module):
    """Paths over one input, joined along the channels. A path is a list of names of this module's layers; a list of
    names in its last place are layers side by side."""

    paths = ()

    def forward(self, image):
        results = []
        for path in self.paths:
            x = image
            for step in path:
                if isinstance(step, tuple):
                    x = torch.cat([getattr(self, name)(x) for name in step], 1)
                else:
                    x = getattr(self, step)(x)
            results.append(x)
        return torch.cat(results, 1)


class Inception(Paths):
    """The chapter's block, ReLU after every convolution."""

    def __init__(self, source, one, three, five, pooled):
        super().__init__()
        self.p1_1 = nn.Conv2d(source, one, 1)
        self.p2_1 = nn.Conv2d(source, three[0], 1)
        self.p2_2 = nn.Conv2d(three[0], three[1], 3, padding=1)
        self.p3_1 = nn.Conv2d(source, five[0], 1)
        self.p3_2 = nn.Conv2d(five[0], five[1], 5, padding=2)
        self.p4_1 = nn.MaxPool2d(3, 1, 1)
        self.p4_2 = nn.Conv2d(source, pooled, 1)
        self.relu = nn.ReLU()
        self.width = one + three[1] + five[1] + pooled

    paths = (
        ("p1_1", "relu"),
        ("p2_1", "relu", "p2_2", "relu"),
        ("p3_1", "relu", "p3_2", "relu"),
        ("p4_1", "p4_2", "relu"),
    )


class ConvBn(nn.Sequential):
    """A convolution without bias, batch normalisation and ReLU."""

    def __init__(self, source, out, kernel, stride=1, padding=0):
        super().__init__()
        self.add_module("conv", nn.Conv2d(source, out, kernel, stride, padding, bias=False))
        self.add_module("bn", nn.BatchNorm2d(out))
        self.add_module("relu", nn.ReLU())


def row(source, out, n):
    return ConvBn(source, out, (1, n), padding=(0, n // 2))


def column(source, out, n):
    return ConvBn(source, out, (n, 1), padding=(n // 2, 0))


class InceptionBn(Paths):
    def __init__(self, source, one, three, five, pooled):
        super().__init__()
        self.p1_1 = ConvBn(source, one, 1)
        self.p2_1 = ConvBn(source, three[0], 1)
        self.p2_2 = ConvBn(three[0], three[1], 3, padding=1)
        self.p3_1 = ConvBn(source, five[0], 1)
        self.p3_2 = ConvBn(five[0], five[1], 5, padding=2)
        self.p4_1 = nn.MaxPool2d(3, 1, 1)
        self.p4_2 = ConvBn(source, pooled, 1)
        self.width = one + three[1] + five[1] + pooled

    paths = (("p1_1",), ("p2_1", "p2_2"), ("p3_1", "p3_2"), ("p4_1", "p4_2"))


class Inception3x3s(Paths):
    def __init__(self, source, one, three, five, pooled):
        super().__init__()
        self.p1_1 = ConvBn(source, one, 1)
        self.p2_1 = ConvBn(source, three[0], 1)
        self.p2_2 = ConvBn(three[0], three[1], 3, padding=1)
        self.p3_1 = ConvBn(source, five[0], 1)
        self.p3_2 = ConvBn(five[0], five[1], 3, padding=1)
        self.p3_3 = ConvBn(five[1], five[1], 3, padding=1)
        self.p4_1 = nn.MaxPool2d(3, 1, 1)
        self.p4_2 = ConvBn(source, pooled, 1)
        self.width = one + three[1] + five[1] + pooled

    paths = (("p1_1",), ("p2_1", "p2_2"), ("p3_1", "p3_2", "p3_3"), ("p4_1", "p4_2"))


class InceptionPairs(Paths):
    def __init__(self, source, one, three, five, pooled):
        super().__init__()
        self.p1_1 = ConvBn(source, one, 1)
        self.p2_1 = ConvBn(source, three[0], 1)
        self.p2_2 = row(three[0], three[0], 5)
        self.p2_3 = column(three[0], three[1], 5)
        self.p3_1 = ConvBn(source, five[0], 1)
        self.p3_2 = column(five[0], five[0], 5)
        self.p3_3 = row(five[0], five[0], 5)
        self.p3_4 = column(five[0], five[0], 5)
        self.p3_5 = row(five[0], five[1], 5)
        self.p4_1 = nn.MaxPool2d(3, 1, 1)
        self.p4_2 = ConvBn(source, pooled, 1)
        self.width = one + three[1] + five[1] + pooled

    paths = (
        ("p1_1",),
        ("p2_1", "p2_2", "p2_3"),
        ("p3_1", "p3_2", "p3_3", "p3_4", "p3_5"),
        ("p4_1", "p4_2"),
    )


class InceptionWide(Paths):
    def __init__(self, source, one, three, five, pooled):
        super().__init__()
        self.p1_1 = ConvBn(source, one, 1)
        self.p2_1 = ConvBn(source, three[0], 1)
        self.p2_2a = row(three[0], three[1], 3)
        self.p2_2b = column(three[0], three[1], 3)
        self.p3_1 = ConvBn(source, five[0], 1)
        self.p3_2 = ConvBn(five[0], five[1], 3, padding=1)
        self.p3_3a = row(five[1], five[1], 3)
        self.p3_3b = column(five[1], five[1], 3)
        self.p4_1 = nn.MaxPool2d(3, 1, 1)
        self.p4_2 = ConvBn(source, pooled, 1)
        self.width = one + 2 * three[1] + 2 * five[1] + pooled

    paths = (
        ("p1_1",),
        ("p2_1", ("p2_2a", "p2_2b")),
        ("p3_1", "p3_2", ("p3_3a", "p3_3b")),
        ("p4_1", "p4_2"),
    )


class Reduction(Paths):
    def __init__(self, source, three, five):
        super().__init__()
        self.p1_1 = nn.MaxPool2d(3, 2, 1)
        self.p2_1 = ConvBn(source, three[0], 1)
        self.p2_2 = ConvBn(three[0], three[1], 3, 2, 1)
        self.p3_1 = ConvBn(source, five[0], 1)
        self.p3_2 = ConvBn(five[0], five[1], 3, 1, 1)
        self.p3_3 = ConvBn(five[1], five[1], 3, 2, 1)
        self.width = source + three[1] + five[1]

    paths = (("p1_1",), ("p2_1", "p2_2"), ("p3_1", "p3_2", "p3_3"))


class InceptionResidual(InceptionBn):
    def __init__(self, source, *widths):
        super().__init__(source, *widths)
        self.up = nn.Conv2d(self.width, source, 1)
        self.width = source

    def forward(self, image):
        return (image + 0.2 * self.up(super().forward(image))).relu()


def halve():
    return nn.MaxPool2d(3, 2, 1)


def chain(source, *parts):
    """Blocks in a row, each (class, widths...); the width of one is the source of the next."""
    row = []
    for block, *widths in parts:
        row.append(block(source, *widths))
        source = row[-1].width
    return row


# The chapter's channels of its nine blocks, stage by stage.
STAGES = (
    ((64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)),
    (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    ((256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)),
)


def googlenet(channels, classes):
    two, three, four = ([(Inception, *w) for w in stage] for stage in STAGES)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, 64, 7, 2, 3), nn.ReLU(), halve()),
        nn.Sequential(nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, 1, 1), nn.ReLU(), halve()),
        nn.Sequential(*chain(192, *two), halve()),
        nn.Sequential(*chain(480, *three), halve()),
        nn.Sequential(*chain(832, *four), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(1024, classes),
    )


def googlenet_tiny(channels, classes):
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, 16, 5, 2, 2), nn.ReLU()),
        nn.Sequential(
            *chain(16, (Inception, 8, (8, 16), (4, 8), 8), (Inception, 16, (12, 24), (4, 12), 12)),
            halve(),
        ),
        nn.Sequential(*chain(64, (Inception, 24, (16, 40), (8, 16), 16)), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(96, classes),
    )


def stem_bn(channels):
    return (
        nn.Sequential(ConvBn(channels, 64, 7, 2, 3), halve()),
        nn.Sequential(ConvBn(64, 64, 1), ConvBn(64, 192, 3, 1, 1), halve()),
    )


def ending(blocks, classes):
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(blocks[-1].width, classes)


def googlenet_bn(channels, classes):
    two, three, four = ([(InceptionBn, *w) for w in stage] for stage in STAGES)
    return nn.Sequential(
        *stem_bn(channels),
        nn.Sequential(*chain(192, *two), halve()),
        nn.Sequential(*chain(480, *three), halve()),
        *ending(chain(832, *four), classes),
    )


def googlenet_v2(channels, classes):
    two = [(Inception3x3s, *w) for w in STAGES[0]] + [(Reduction, (128, 192), (32, 96))]
    three = [(InceptionPairs, *w) for w in STAGES[1]] + [(Reduction, (192, 320), (32, 128))]
    four = ((InceptionWide, 256, (160, 160), (32, 64), 128), (InceptionWide, 384, (192, 192), (48, 64), 128))
    return nn.Sequential(
        *stem_bn(channels),
        nn.Sequential(*chain(192, *two)),
        nn.Sequential(*chain(768, *three)),
        *ending(chain(1280, *four), classes),
    )


def googlenet_residual(channels, classes):
    def stage(widths):
        return [(InceptionBn, *widths[0])] + [(InceptionResidual, *w) for w in widths[1:]]

    return nn.Sequential(
        *stem_bn(channels),
        nn.Sequential(*chain(192, *stage(STAGES[0])), halve()),
        nn.Sequential(*chain(256, *stage(STAGES[1])), halve()),
        *ending(chain(512, *stage(STAGES[2])), classes),
    )


def blocks_tiny(channels, classes):
    """Every block of the networks above, at a size for committed golden values; tests/core/models/test_golden.c
    builds the same."""
    blocks = chain(
        8,
        (InceptionBn, 4, (4, 8), (2, 4), 4),
        (InceptionResidual, 4, (4, 6), (4, 6), 4),
        (Inception3x3s, 4, (4, 8), (4, 6), 6),
        (Reduction, (4, 8), (4, 4)),
        (InceptionPairs, 8, (4, 8), (4, 8), 8),
        (InceptionWide, 8, (6, 8), (6, 8), 8),
    )
    return nn.Sequential(ConvBn(channels, 8, 5, 2, 2), *ending(blocks, classes))


def alexnet(channels, classes):
    return nn.Sequential(
        nn.Conv2d(channels, 96, 11, 4, 1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.LazyLinear(4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, classes),
    )  # fmt: skip


def vgg11(channels, classes):
    parts = []
    for count, out in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        layers = []
        for _ in range(count):
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
            channels = out
        parts.append(nn.Sequential(*layers, nn.MaxPool2d(2, 2)))
    return nn.Sequential(
        *parts, nn.Flatten(),
        nn.LazyLinear(4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, classes),
    )  # fmt: skip


def nin(channels, classes):
    def block(source, out, kernel, stride, padding):
        return nn.Sequential(
            nn.Conv2d(source, out, kernel, stride, padding), nn.ReLU(),
            nn.Conv2d(out, out, 1), nn.ReLU(),
            nn.Conv2d(out, out, 1), nn.ReLU(),
        )  # fmt: skip

    return nn.Sequential(
        block(channels, 96, 11, 4, 0), nn.MaxPool2d(3, 2),
        block(96, 256, 5, 1, 2), nn.MaxPool2d(3, 2),
        block(256, 384, 3, 1, 1), nn.MaxPool2d(3, 2),
        nn.Dropout(0.5), block(384, classes, 3, 1, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


class Stage8(nn.Module):
    """A convolution, a pool and a residual convolution."""

    def __init__(self, source, out):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(source, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 2)
        return x + self.bn2(self.conv2(x)).relu()


class ResNet8(nn.Module):
    def __init__(self, channels, classes, width=1):
        super().__init__()
        a, b, c, d = (width * n for n in (16, 64, 128, 256))
        self.conv1, self.bn1 = nn.Conv2d(channels, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.layer1, self.layer2, self.layer3 = Stage8(a, b), Stage8(b, c), Stage8(c, d)
        self.fc = nn.Linear(d, classes)

    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class WideBlock(nn.Module):
    """Normalised before each convolution. What goes past is the input, or where the shape changes a projection of its
    normalised form."""

    def __init__(self, source, out, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(source), nn.Conv2d(source, out, 3, stride, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(out), nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(source, out, 1, stride, bias=False) if source != out else None

    def forward(self, x):
        normalised = self.bn1(x).relu()
        past = self.shortcut(normalised) if self.shortcut else x
        return past + self.conv2(self.bn2(self.conv1(normalised)).relu())


class WideResNet(nn.Module):
    """Zagoruyko and Komodakis 2016: `blocks` a stage, 6 * blocks + 4 layers."""

    def __init__(self, channels, classes, blocks, width):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.layer1 = self.stage(16, 16 * width, blocks, 1)
        self.layer2 = self.stage(16 * width, 32 * width, blocks, 2)
        self.layer3 = self.stage(32 * width, 64 * width, blocks, 2)
        self.bn, self.fc = nn.BatchNorm2d(64 * width), nn.Linear(64 * width, classes)

    @staticmethod
    def stage(source, out, blocks, stride):
        return nn.Sequential(WideBlock(source, out, stride), *(WideBlock(out, out, 1) for _ in range(blocks - 1)))

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(self.bn(x).relu().mean((2, 3)))


def torchvision_model(name, first, **options):
    """One of torchvision's, its first convolution (at the path `first`) made for as many channels as the images
    have."""

    def build(channels, classes, heads=False):
        import torchvision.models

        if options.get("aux_logits") is not None:
            options["aux_logits"] = heads
        net = getattr(torchvision.models, name)(weights=None, num_classes=classes, **options)
        *path, last = first.split(".")
        owner = net.get_submodule(".".join(path))
        conv = getattr(owner, last)
        if conv.in_channels != channels:
            setattr(owner, last, nn.Conv2d(channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding,
                                           bias=conv.bias is not None))
        return net

    return build


MODELS = {
    "googlenet": googlenet,
    "googlenet_tiny": googlenet_tiny,
    "googlenet_bn": googlenet_bn,
    "googlenet_v2": googlenet_v2,
    "googlenet_residual": googlenet_residual,
    "blocks_tiny": blocks_tiny,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "nin": nin,
    "googlenet_torchvision": torchvision_model("googlenet", "conv1.conv", aux_logits=False, init_weights=False),
    "inception_v3": torchvision_model("inception_v3", "Conv2d_1a_3x3.conv", aux_logits=False, init_weights=False),
    "resnet8": ResNet8,
    "wide_resnet8": lambda channels, classes: ResNet8(channels, classes, 2),
    "wide_resnet16": lambda channels, classes: WideResNet(channels, classes, 2, 4),
    "resnet18": torchvision_model("resnet18", "conv1"),
    "resnet50": torchvision_model("resnet50", "conv1"),
}
