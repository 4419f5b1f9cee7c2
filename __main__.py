"""`python -m talkbench` is `bench`."""

import sys

from .cli import main

sys.exit(main())
