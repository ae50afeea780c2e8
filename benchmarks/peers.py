"""chainfit beside other libraries: `chainfit bench --peers` for those who work in the repository.

python benchmarks/peers.py --json benchmarks/results/peers.json
"""

import sys

from chainfit._cli.main import main

if __name__ == "__main__":
    sys.exit(main(["bench", "--peers", *sys.argv[1:]]))
