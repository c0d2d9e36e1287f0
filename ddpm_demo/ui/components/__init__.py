"""Pieces that the tabs share; `ddpm_demo/ui/README.md` says which there are."""
