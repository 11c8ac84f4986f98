"""`python -m bench.bare_worker QUEUE`: a worker process of the bare workflow."""

import asyncio
import sys

from bench.bare import run_bare_worker

asyncio.run(run_bare_worker(sys.argv[1]))
