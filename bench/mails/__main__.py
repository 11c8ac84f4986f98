"""`python -m bench.mails [COUNT]`: the figures, one reader after the other."""

import sys

from bench.mails.measure import bench_mails


def main() -> None:
    """Print the figures."""
    for name, figures in bench_mails(count=int(sys.argv[1]) if len(sys.argv) > 1 else 1000).items():
        print(name)
        for what, value in figures.items() if isinstance(figures, dict) else ():
            print(f"  {what:40} {value}")
        if isinstance(figures, str):
            print(f"  {figures}")


main()
