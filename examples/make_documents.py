"""Writes the example documents: `python examples/make_documents.py [FOLDER]`. The same bytes every time.

They are the papers of one company that does not exist, as its auditors would be given them. Some of what they say is wrong on
purpose, and three of the files are not like the others: one is the copy of another under its own name, one needs a
password (`quillmere`), and one is a picture without any text.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path

from paperwork import letters, loan_agreement, minutes
from paperwork.ledgers import ageing_report, sales_ledger, trial_balance
from paperwork.lock import locked
from paperwork.office import docx, xlsx
from paperwork.pdf import pages_of, pdf
from paperwork.scan import DRAWING, scanned

FOLDER = Path(__file__).resolve().parent / "documents"


def documents() -> Mapping[str, bytes]:
    """The files by their names."""
    agreement = pdf(pages_of(loan_agreement.text(), loan_agreement.FOOTER))
    return {
        "loan-agreement.pdf": agreement,
        "trial-balance.xlsx": xlsx(trial_balance()),
        "board-minutes.docx": docx(minutes.TEXT),
        "sales-ledger.csv": sales_ledger().encode(),
        "receivables.html": ageing_report().encode(),
        "related-parties.md": letters.wrapped(letters.RELATED).encode(),
        "engagement.txt": letters.wrapped(letters.ENGAGEMENT, 78).encode(),
        "loan-signed.pdf": agreement,
        "directors-pay.pdf": _directors_pay(),
        "delivery-scan.pdf": pdf([DRAWING], picture=scanned(letters.DELIVERY_NOTE)),
    }


def _directors_pay() -> bytes:
    cipher, lock = locked(letters.PAY_PASSWORD, md5(b"directors-pay.pdf", usedforsecurity=False).digest())
    return pdf(pages_of(letters.PAY, "Confidential"), cipher=cipher, lock=lock)


def main(folder: Path) -> None:
    """Writes all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (folder / name).write_bytes(content)
        print(f"{len(content):>7} {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
