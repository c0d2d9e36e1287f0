"""The diffusion process made visible: what the page explains, as numbers and drawings.

Nothing here samples; `tasks.diffuse` does. Timesteps count as in `schedule`: 0 to T - 1, and -1
for the clean picture.
"""
