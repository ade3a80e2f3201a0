"""Print every reference with its error, and the classical solution of the same problem: a Markdown table."""

import argparse
from collections.abc import Sequence

from . import CASES


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or the rows that are named; the arguments are the command line's by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.references", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"which rows: {', '.join(CASES)}; all by default")
    chosen = parser.parse_args(arguments).cases or [*CASES]
    if unknown := sorted({*chosen} - {*CASES}):
        parser.error(f"there is no reference of {', '.join(unknown)}; there are {', '.join(CASES)}")
    print("| case | reference | its error | classical method | its error | seconds | CPU seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in chosen:
        known, found = CASES[name].reference(), CASES[name].classical()
        figures = f"{found.error:.1e} | {found.seconds:.2g} | {found.cpu:.2g}"
        print(f"| {name} | {known.note} | {known.error:.0e} | {found.method} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
