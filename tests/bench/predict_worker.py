"""JPEG files to classes by another program; see tests/bench/predict, which runs this with tests/golden/networks.py
as module `networks` in front of it.

  python -c PROGRAM WAY THREADS    WAY is onnxruntime or torch

Standard input: a line of JSON {"model": bytes, "pictures": [bytes, ...], "classes": K, "side": N}, that many bytes of the
model (ONNX, or safetensors) and of each picture; then lines with the number of pictures to answer, each answered by a
line of JSON: milliseconds of each, milliseconds of CPU of all of them, and the classes.
"""

import io
import json
import struct
import sys
import time

import numpy
from PIL import Image, ImageOps


def onnxruntime_session(model, threads, _):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels.astype(numpy.float32)})[0][0]


def tensors_of(model):
    import torch

    length = struct.unpack("<Q", model[:8])[0]
    header = json.loads(model[8 : 8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": torch.float32, "I64": torch.int64}
    return {
        name: torch.frombuffer(bytearray(model[8 + length + t["data_offsets"][0] : 8 + length + t["data_offsets"][1]]), dtype=kinds[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }


def torch_module(model, threads, classes):
    import torch

    torch.set_num_threads(threads)
    net = networks.MODELS["googlenet"](3, classes)  # noqa: F821, from the program before
    with torch.no_grad():
        net(torch.zeros(1, 3, 96, 96))  # lazy layers take their shape
    net.load_state_dict(tensors_of(model))
    net = net.eval().to(dtype=torch.bfloat16, memory_format=torch.channels_last)

    def run(pixels):
        with torch.inference_mode():
            image = torch.from_numpy(pixels).to(torch.float32).div_(255).to(dtype=torch.bfloat16, memory_format=torch.channels_last)
            return net(image)[0].float().numpy()

    return run


def main():
    way, threads = sys.argv[1], int(sys.argv[2])
    source = sys.stdin.buffer
    header = json.loads(source.readline())
    model = source.read(header["model"])
    pictures = [source.read(size) for size in header["pictures"]]
    run = {"onnxruntime": onnxruntime_session, "torch": torch_module}[way](model, threads, header["classes"])
    side = header["side"]

    def answer(jpeg):
        picture = ImageOps.fit(Image.open(io.BytesIO(jpeg)).convert("RGB"), (side, side), Image.Resampling.BILINEAR)
        logits = run(numpy.array(picture).transpose(2, 0, 1)[None])
        numbers = numpy.exp(logits - logits.max())
        return json.dumps({"label": int(logits.argmax()), "probability": float((numbers / numbers.sum()).max())})

    print("ready", flush=True)
    for line in source:
        times, labels = [], []
        cpu = time.process_time()
        for i in range(int(line)):
            start = time.perf_counter()
            text = answer(pictures[i % len(pictures)])
            times.append(1e3 * (time.perf_counter() - start))
            labels.append(json.loads(text)["label"])
        print(json.dumps({"times": times, "cpu": 1e3 * (time.process_time() - cpu), "labels": labels}), flush=True)


if __name__ == "__main__":
    main()
