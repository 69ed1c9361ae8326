"""Write a vision transformer of 22 million parameters with random weights as ONNX (ViT-S/16 at 224 pixels).

    python -m benchmarks.onnx_vit FILE.onnx

Of the architecture of Dosovitskiy et al., arXiv 2010.11929, in the size that DeiT and DINO call "small": 12 blocks,
width 384, 6 heads, patches of 16; the mean of the tokens is the output. The weights are random, so its features are
worth nothing: it is for speed, memory and tests alone.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8


@dataclass
class Graph:
    """Operators and weights under construction."""

    seed: int = 0
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def constant(self, name: str, values: Any, kind: Any = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def random(self, name: str, *shape: int, scale: float) -> str:
        return self.constant(name, self._random.standard_normal(shape, dtype=np.float32) * np.float32(scale))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def linear(self, rows: str, name: str, n_in: int, n_out: int) -> str:
        product = self.add("MatMul", [rows, self.random(f"{name}.weight", n_in, n_out, scale=n_in**-0.5)], f"{name}.x")
        return self.add("Add", [product, self.constant(f"{name}.bias", np.zeros(n_out))], name)

    def norm(self, rows: str, name: str, width: int) -> str:
        scale, bias = self.constant(f"{name}.w", np.ones(width)), self.constant(f"{name}.b", np.zeros(width))
        return self.add("LayerNormalization", [rows, scale, bias], name, axis=-1, epsilon=1e-6)

    def gelu(self, rows: str, name: str) -> str:
        error = self.add("Erf", [self.add("Div", [rows, "root2"], f"{name}.d")], f"{name}.e")
        product = self.add("Mul", [self.add("Add", [error, "one"], f"{name}.p"), rows], f"{name}.m")
        return self.add("Mul", [product, "half"], name)

    def attention(self, rows: str, name: str, width: int) -> str:
        joined = self.linear(rows, f"{name}.qkv", width, 3 * width)
        split = self.add("Reshape", [joined, "split"], f"{name}.split")
        parts = self.add("Transpose", [split], f"{name}.parts", perm=[2, 0, 3, 1, 4])
        q, k, v = (self.add("Gather", [parts, f"index{i}"], f"{name}.{w}", axis=0) for i, w in enumerate("qkv"))
        turned = self.add("Transpose", [k], f"{name}.kt", perm=[0, 1, 3, 2])
        scores = self.add("Mul", [self.add("MatMul", [q, turned], f"{name}.qk"), "scale"], f"{name}.scores")
        shares = self.add("Softmax", [scores], f"{name}.shares", axis=-1)
        mixed = self.add("Transpose", [self.add("MatMul", [shares, v], f"{name}.av")], f"{name}.t", perm=[0, 2, 1, 3])
        return self.linear(self.add("Reshape", [mixed, "join"], f"{name}.join"), f"{name}.proj", width, width)


def make_vit(size: int = 224, patch: int = 16, width: int = 384, depth: int = 12, heads: int = 6, seed: int = 0) -> Any:
    """Return the model; its input is ``pixels`` (batch, 3, size, size), its output ``features`` (batch, width)."""
    n_tokens, graph = (size // patch) ** 2, Graph(seed)
    graph.constant("to_tokens", [0, width, n_tokens], np.int64)
    graph.constant("split", [0, n_tokens, 3, heads, width // heads], np.int64)
    graph.constant("join", [0, n_tokens, width], np.int64)
    for number in range(3):
        graph.constant(f"index{number}", number, np.int64)
    for name, value in (("scale", (width // heads) ** -0.5), ("half", 0.5), ("one", 1.0), ("root2", 2**0.5)):
        graph.constant(name, value)
    kernel = graph.random("patch.weight", width, 3, patch, patch, scale=(3 * patch * patch) ** -0.5)
    patches = graph.add("Conv", ["pixels", kernel], "patches", kernel_shape=[patch, patch], strides=[patch, patch])
    flat = graph.add("Reshape", [patches, "to_tokens"], "flat")
    tokens = graph.add("Transpose", [flat], "tokens", perm=[0, 2, 1])
    rows = graph.add("Add", [tokens, graph.random("positions", 1, n_tokens, width, scale=0.02)], "block0")
    for number in range(depth):
        name = f"block{number + 1}"
        mixed = graph.attention(graph.norm(rows, f"{name}.norm1", width), f"{name}.attention", width)
        rows = graph.add("Add", [rows, mixed], f"{name}.middle")
        wide = graph.linear(graph.norm(rows, f"{name}.norm2", width), f"{name}.fc1", width, 4 * width)
        narrow = graph.linear(graph.gelu(wide, f"{name}.gelu"), f"{name}.fc2", 4 * width, width)
        rows = graph.add("Add", [rows, narrow], name)
    graph.add("ReduceMean", [graph.norm(rows, "norm", width)], "features", axes=[1], keepdims=0)
    image = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, size, size])
    output = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", width])
    made = helper.make_graph(graph.nodes, "vit with random weights", [image], [output], graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_bytes(make_vit().SerializeToString())
    print(f"Written with random weights: {sys.argv[1]}")


if __name__ == "__main__":
    main()
