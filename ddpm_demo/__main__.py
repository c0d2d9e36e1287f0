"""`python -m ddpm_demo COMMAND`; see `python -m ddpm_demo --help`."""

import sys

from .cli import main

sys.exit(main())
