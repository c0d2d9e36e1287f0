"""What the tabs Denoise, Inpaint, Upscale and More share."""
