"""What a diffusion model is made of: schedule, noise, denoiser, inversion, exact oracles."""
