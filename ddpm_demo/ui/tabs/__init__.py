"""One file a tab, each with `build(ctx)`; `ddpm_demo/ui/app.py` lists them."""
