#!/usr/bin/env python3
"""Exported networks, in the judgement of onnx's checker and onnxruntime.

  export.py DIR DUMP_MODEL GOOGLENETD      both of these, network by network; DIR is removed
  export.py --make DIR DUMP_MODEL GOOGLENETD [--full]
                                           write models, logits and exported files; --full: at their default image sizes
  export.py --check DIR                    check them: can be done elsewhere
  export.py --tiny FILE                    write tiny.onnx, which tests/core/export/test_onnx.c must get byte by byte

Every network of the table is exported twice: batch norms folded and preprocessing inside, and neither. Its logits on
pictures of Fashion-MNIST, in float32, must agree:  max |ours - theirs| <= 1e-4 * the most that a class's logit differs
from picture to picture.
Exit status: 0 agreed, 1 not, 77 onnx, onnxruntime or the pictures are not there.
"""

import importlib.util
import json
import pathlib
import shutil
import struct
import subprocess
import sys

TOLERANCE = 1e-4
SKIPPED = 77

# Network: channels, side, pictures, normalisation.
CASES = {
    "googlenet": (1, 96, 8, "plain"),
    "googlenet_tiny": (1, 28, 8, "normalised"),
    "googlenet_bn": (1, 64, 8, "normalised"),
    "googlenet_v2": (1, 64, 8, "plain"),
    "googlenet_residual": (1, 64, 8, "normalised"),
    "googlenet_torchvision": (3, 75, 8, "normalised"),
    "inception_v3": (3, 96, 4, "normalised"),
    "resnet8": (1, 28, 8, "normalised"),
    "wide_resnet8": (1, 28, 4, "plain"),
    "wide_resnet16": (1, 28, 4, "normalised"),
    "resnet18": (3, 64, 8, "plain"),
    "resnet50": (3, 64, 8, "normalised"),
    "alexnet": (1, 67, 4, "normalised"),
    "vgg11": (1, 32, 4, "plain"),
    "nin": (3, 67, 4, "normalised"),
}
# Those whose batch norms stand for themselves.
WITH_BATCH_NORM = {"googlenet_bn", "googlenet_v2", "googlenet_residual", "googlenet_torchvision", "inception_v3",
                   "resnet8", "wide_resnet8", "wide_resnet16", "resnet18", "resnet50"}
# Those among them that no convolution precedes stay where others are folded.
UNFOLDED = {"wide_resnet16": 6}
VARIANTS = {
    "folded": ["--fold-batch-norm", "--preprocessing", "in"],
    "kept": ["--no-fold-batch-norm", "--preprocessing", "out"],
    "probabilities": ["--probabilities"],
}


def require(truth, what):
    if not truth:
        raise AssertionError(what)


def variants_of(network):
    return [v for v in VARIANTS if v != "probabilities" or network == "googlenet_tiny"]


def default_sides(googlenetd):
    """Image sizes by network; every network must have a case."""
    listed = json.loads(subprocess.check_output([googlenetd, "summary", "--compare", "--json"]))
    sides = {row["network"]: row["image_size"] for row in listed}
    require(set(sides) == set(CASES), f"no case for {sorted(set(sides) ^ set(CASES))}")
    return sides


def make(network, folder, dump_model, googlenetd, full):
    channels, side, count, normalisation = CASES[network]
    default = default_sides(googlenetd)[network]
    folder.mkdir(parents=True, exist_ok=True)
    model, dump = folder / f"{network}.safetensors", folder / f"{network}.logits"
    status = subprocess.call([dump_model, network, str(channels), str(default if full else side), str(count),
                              normalisation, model, dump])
    if status != 0:
        sys.exit(status)
    for variant in variants_of(network):
        subprocess.check_call([googlenetd, "export", model, "--onnx", folder / f"{network}.{variant}.onnx",
                               *VARIANTS[variant]], stdout=subprocess.DEVNULL)


def read_safetensors(path):
    import numpy
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, t in header.items():
        if t["dtype"] != "F32":
            continue
        first, last = t["data_offsets"]
        tensors[name] = numpy.frombuffer(data, "<f4", offset=8 + length + first,
                                         count=(last - first) // 4).reshape(t["shape"])
    return tensors, metadata


def check_file(path, network, variant):
    """The file by itself. Prints its metadata."""
    import onnx
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(str(path))
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    require(model.SerializeToString() == path.read_bytes(), "not in the order of protocol buffers")
    require(model.ir_version == 7 and [(o.domain, o.version) for o in model.opset_import] == [("", 13)], "versions")
    require(len(model.graph.input) == len(model.graph.output) == 1, "one input, one output")
    require(model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch", "any batch")
    norms = sum(node.op_type == "BatchNormalization" for node in model.graph.node)
    if variant == "kept" and network in WITH_BATCH_NORM:
        require(norms > UNFOLDED.get(network, 0), f"{norms} batch norms")
    else:
        require(norms == UNFOLDED.get(network, 0), f"{norms} batch norms")
    for node in model.graph.node:
        names = [a.name for a in node.attribute]
        require("auto_pad" not in names and "ceil_mode" not in names, f"{node.name}: implicit pads")
        require("pads" in names or node.op_type not in ("Conv", "MaxPool", "AveragePool"), f"{node.name}: no pads")
        require(node.op_type != "Dropout", "dropout")
    print(json.dumps({p.key: p.value for p in model.metadata_props}))


def metadata_of(path, network, variant):
    """What check_file prints. In a process of its own: Debian's onnx and onnxruntime share a library, which complains
    at length when both use it."""
    child = subprocess.run([sys.executable, __file__, "--file", path, network, variant], capture_output=True, text=True)
    require(child.returncode == 0, child.stderr.strip().split("\n")[-1])
    return json.loads(child.stdout)


def check_case(folder, network, variant):
    import numpy
    import onnxruntime
    path = folder / f"{network}.{variant}.onnx"
    dump, _ = read_safetensors(folder / f"{network}.logits")
    _, described = read_safetensors(folder / f"{network}.safetensors")
    metadata = metadata_of(path, network, variant)
    for key in ("model", "channels", "image_size", "classes", "class_names", "normalization"):
        require(metadata.get(key) == described.get(key), f"metadata: {key}")
    require(len(json.loads(metadata["class_names"])) == 10, "class names")

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    require(name == ("image" if variant == "kept" else "pixels"), f"input {name}")
    images = dump["images" if variant == "kept" else "pixels"]
    theirs = session.run(None, {name: images})[0]
    one = session.run(None, {name: images[:1]})[0]
    ours = dump["logits"].astype(numpy.float64)
    if variant == "probabilities":
        ours = numpy.exp(ours - ours.max(1, keepdims=True))
        ours /= ours.sum(1, keepdims=True)
    require(theirs.shape == ours.shape and one.shape == ours[:1].shape, f"shape {theirs.shape}")
    scale = numpy.ptp(ours, axis=0).max()
    worst = max(numpy.abs(theirs - ours).max(), numpy.abs(one - ours[:1]).max()) / scale
    require(scale > 1e-2 * numpy.abs(ours).max(), "logits that say nothing")
    print(f"{network:22} {variant:14} {images.shape[2]:4} {worst:.1e}", flush=True)
    require(worst <= TOLERANCE, f"logits differ by {worst:.1e} of their range")


def check(network, folder):
    agreed = True
    for variant in variants_of(network):
        try:
            check_case(folder, network, variant)
        except Exception as fault:  # a refusal of onnx or onnxruntime, too
            print(f"{network} {variant}: {fault}")
            agreed = False
    return agreed


def tiny(path):
    """The network of with_norm() in test_onnx.c, written by onnx."""
    import numpy
    import onnx
    from onnx import AttributeProto, TensorProto
    model = onnx.ModelProto(ir_version=7, producer_name="googlenetd", producer_version="1.2.3",
                            doc_string="small, an image classifier")
    model.opset_import.add(version=13)
    graph = model.graph
    graph.name = "small"

    def node(op, inputs, output, **attributes):
        made = graph.node.add(op_type=op, name=output, input=inputs.split(), output=[output])
        for name, value in attributes.items():
            if isinstance(value, float):
                made.attribute.add(name=name, f=value, type=AttributeProto.FLOAT)
            elif isinstance(value, int):
                made.attribute.add(name=name, i=value, type=AttributeProto.INT)
            else:
                made.attribute.add(name=name, ints=value, type=AttributeProto.INTS)

    def constant(name, numbers):
        numbers = numpy.asarray(numbers, "<f4")
        graph.initializer.add(name=name, dims=numbers.shape, data_type=TensorProto.FLOAT, raw_data=numbers.tobytes())

    # The order of the parameter store: weights, then what else is trained, then running statistics.
    shapes = {"0.weight": (2, 3, 3, 3), "3.weight": (3, 32), "5.weight": (2, 3), "1.weight": (2,), "1.bias": (2,),
              "5.bias": (2,), "1.running_mean": (2,), "1.running_var": (2,)}
    values, first = {}, 0
    for name, shape in shapes.items():
        count = int(numpy.prod(shape))
        values[name] = ((numpy.arange(first, first + count) % 64 + 1) / 64).reshape(shape)
        first += count

    node("Div", "pixels preprocessing.scaled.by", "preprocessing.scaled")
    constant("preprocessing.scaled.by", numpy.full((1, 1, 1, 1), 255))
    node("Conv", "preprocessing.scaled 0.weight", "0", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    node("BatchNormalization", "0 1.weight 1.bias 1.running_mean 1.running_var", "1", epsilon=1e-5)
    node("Relu", "1", "2")
    node("Flatten", "2", "3.flat", axis=1)
    node("Gemm", "3.flat 3.weight", "3", transB=1)
    node("Relu", "3", "4")
    node("Gemm", "4 5.weight 5.bias", "5", transB=1)
    node("Flatten", "5", "logits", axis=1)
    for name in ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "3.weight", "5.weight", "5.bias"):
        constant(name, values[name])
    graph.input.append(onnx.helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 4, 4]))
    graph.output.append(onnx.helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2]))
    model.metadata_props.add(key="class_names", value='["a","b"]')
    model.metadata_props.add(key="input", value="pixels, 0 to 255; scaling and normalisation are in the graph")
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def has_onnxruntime():
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"export.py: there is no {' and no '.join(missing)}")
    return not missing


def main(arguments):
    if arguments[:1] == ["--make"]:
        for network in CASES:
            make(network, pathlib.Path(arguments[1]), arguments[2], arguments[3], "--full" in arguments)
    elif arguments[:1] == ["--file"]:
        check_file(pathlib.Path(arguments[1]), *arguments[2:])
    elif arguments[:1] == ["--tiny"]:
        tiny(pathlib.Path(arguments[1]))
    elif not has_onnxruntime():
        sys.exit(SKIPPED)
    elif arguments[:1] == ["--check"]:
        sys.exit(not all([check(network, pathlib.Path(arguments[1])) for network in CASES]))
    elif len(arguments) == 3:
        folder = pathlib.Path(arguments[0])
        agreed = True
        for network in CASES:
            make(network, folder, arguments[1], arguments[2], False)
            agreed = check(network, folder) and agreed
            shutil.rmtree(folder)
        sys.exit(not agreed)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
