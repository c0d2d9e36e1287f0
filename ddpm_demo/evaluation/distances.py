"""How far apart two sets of features are: KID and FID (torchmetrics), precision and recall.

All take float32 [N, D] on the CPU. The metrics of torchmetrics are given features instead of
pictures (`nn.Identity` as their network), so that each picture goes through the extractor once.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .packages import need

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000
NEIGHBOURS = 3
# Of several processes only the first computes: torchmetrics would wait for the others, which have
# gone ("connection closed by peer").
ALONE = {"sync_on_compute": False}


@dataclass(frozen=True)
class Kid:
    """Kernel inception distance.

    Args:
        mean: over the subsets; unbiased, so it may fall a little below 0 for equal sets.
        std: between the subsets; 0 for a single one.
        num_subsets: 1 where the sets are too small for several.
        subset_size: pictures of each set in a subset.
    """

    mean: float
    std: float
    num_subsets: int
    subset_size: int


def kid(real: Tensor, fake: Tensor, seed: int = 0) -> Kid:
    """KID of Binkowski et al. 2018 (arXiv:1801.01401): squared MMD, cubic kernel, over subsets.

    Args:
        real, fake: [N, D] and [M, D], at least 2 each.
        seed: of the draw of the subsets.
    """
    module = need("torchmetrics.image.kid", "torchmetrics")
    size = min(KID_SUBSET_SIZE, len(real), len(fake))
    # Subsets as large as the sets would all be the same one.
    subsets = KID_SUBSETS if size < max(len(real), len(fake)) else 1
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # it warns that it keeps the features in memory
        torch.manual_seed(seed)  # torchmetrics draws the subsets from the global generator
        metric = module.KernelInceptionDistance(
            nn.Identity(), subsets=subsets, subset_size=size, **ALONE
        )
        metric.update(real, real=True)
        metric.update(fake, real=False)
        mean, std = metric.compute()
    return Kid(float(mean), float(std), subsets, size)


def fid(real: Tensor, fake: Tensor) -> float:
    """Frechet distance of two Gaussians fitted to the features, Heusel et al. 2017
    (arXiv:1706.08500, eq. 6); biased upwards for few pictures, so compare at equal numbers.
    """
    module = need("torchmetrics.image.fid", "torchmetrics")
    network = nn.Identity()
    network.num_features = real.shape[1]
    metric = module.FrechetInceptionDistance(network, **ALONE).set_dtype(torch.float64)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def precision_recall(real: Tensor, fake: Tensor, k: int = NEIGHBOURS) -> tuple[float, float]:
    """Improved precision and recall of Kynkaanniemi et al. 2019 (arXiv:1904.06991, eq. 1 and 2).

    A manifold is the union of balls around its points, each reaching to the point's k-th nearest
    neighbour. Precision is the share of `fake` inside the manifold of `real`, recall the reverse.

    Args:
        real, fake: [N, D] and [M, D], more than k each; the larger set is cut to the smaller,
            because more points make a larger manifold.
        k: 3 in the paper.
    """
    count = min(len(real), len(fake))
    real, fake = real[:count], fake[:count]
    return inside(fake, real, k), inside(real, fake, k)


def inside(points: Tensor, manifold: Tensor, k: int, chunk: int = 1024) -> float:
    """Share of `points` [M, D] inside the manifold of `manifold` [N, D] of k-neighbour balls."""
    radii = torch.cat(
        # The nearest of all is the point itself.
        [torch.cdist(part, manifold).kthvalue(k + 1).values for part in manifold.split(chunk)]
    )
    found = [(torch.cdist(part, manifold) <= radii).any(1) for part in points.split(chunk)]
    return float(torch.cat(found).double().mean())
