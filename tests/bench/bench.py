"""``make bench``: measure every row of the speed table on this machine and write docs/benchmarks.md with a plot.

Rows may be measured one at a time (``--rows decode``): the others stay as they were measured last.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import page
from pairs import HERE
from rows import ROWS, Bench


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS), help="which rows; all by default")
    parser.add_argument("--rounds", type=int, default=7, help="times each rival works, in turns")
    parser.add_argument("--seconds", type=int, default=30, help="length of the generated 1080p clips")
    parser.add_argument("--videos", type=Path, help="decode the videos of this folder instead of generated ones")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="where clips and measurements are kept")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--notes", type=Path, default=HERE / "notes.md", help="text to put at the end of the page")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    own = tuple(sorted(path.resolve() for path in arguments.videos.iterdir())) if arguments.videos else ()
    bench = Bench(arguments.folder.resolve(), arguments.rounds, arguments.seconds, own)
    stored = bench.folder / "measured.json"
    rows = page.load(stored)
    for name in arguments.rows:
        rows[name] = ROWS[name](bench)
        page.save(stored, rows)
        for row in rows[name]:
            print(f"{row.title}\n" + "\n".join(page.table(row)), flush=True)
    ordered = {name: rows[name] for name in ROWS if name in rows}
    plot = arguments.out.with_suffix(".svg")
    page.draw(ordered, plot)
    notes = arguments.notes.read_text(encoding="utf-8")
    arguments.out.write_text(page.page(ordered, plot.name, notes), encoding="utf-8")


if __name__ == "__main__":
    main()
