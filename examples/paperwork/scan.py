"""A sheet of typed capitals as a scanner sees it: a picture of one bit a pixel, a little dirty, without any text in it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from paperwork.pdf import HEIGHT, WIDTH, Picture

COLUMNS, ROWS = 440, 568
MARGIN, STEP, LINE = 40, 6, 12
SPECKS = 260
# Five columns of seven dots, the lowest bit on top.
_GLYPHS = {
    "0": "3e5149453e", "1": "00427f4000", "2": "4261514946", "3": "2141454b31", "4": "1814127f10", "5": "2745454539",
    "6": "3c4a494930", "7": "0171090503", "8": "3649494936", "9": "064949291e", "A": "7e1111117e", "B": "7f49494936",
    "C": "3e41414122", "D": "7f4141221c", "E": "7f49494941", "F": "7f09090901", "G": "3e4149497a", "H": "7f0808087f",
    "I": "00417f4100", "J": "2040413f01", "K": "7f08142241", "L": "7f40404040", "M": "7f020c027f", "N": "7f0408107f",
    "O": "3e4141413e", "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946", "S": "4649494931", "T": "01017f0101",
    "U": "3f4040403f", "V": "1f2040201f", "W": "3f4038403f", "X": "6314081463", "Y": "0708700807", "Z": "6151494543",
    ".": "0060600000", ",": "0050300000", "-": "0808080808", ":": "0036360000", "/": "2010080402",
}  # fmt: skip
# The picture over the whole page.
DRAWING = f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /P Do Q".encode()


def scanned(lines: Sequence[str]) -> Picture:
    """The picture of these lines, of capitals, digits and a few signs."""
    black = {dot for number, line in enumerate(lines) for dot in _dots(line, MARGIN + number * LINE)}
    draw = random.Random(0)  # noqa: S311  (dirt is no secret)
    black |= {(draw.randrange(COLUMNS), draw.randrange(ROWS)) for _ in range(SPECKS)}
    return Picture(COLUMNS, ROWS, b"".join(_row(black, y) for y in range(ROWS)))


def _dots(line: str, top: int) -> list[tuple[int, int]]:
    columns = [(place, bits) for place, char in enumerate(line) for bits in enumerate(bytes.fromhex(_GLYPHS.get(char, "")))]
    return [(MARGIN + place * STEP + column, top + y) for place, (column, bits) in columns for y in range(7) if bits >> y & 1]


def _row(black: set[tuple[int, int]], y: int) -> bytes:
    bits = "".join("0" if (x, y) in black else "1" for x in range(COLUMNS))
    return int(bits, 2).to_bytes(COLUMNS // 8, "big")
