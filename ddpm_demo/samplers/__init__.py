"""Samplers: from noise to a picture, as a stream of `Step`; one file a method.

`table.SAMPLERS` says what there is; `sample.sample` runs one by name. A sampler sees a `Denoiser`
and nothing of the network: whatever stands behind `predict` (tiles, a restoration constraint, an
exact oracle) is sampled alike. Importing this package loads no torch.
"""
