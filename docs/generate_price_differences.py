"""Write docs/explanation/price-differences.md, or compare it with ``--check``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.parity.pricing.differences import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
