"""What to look for in evidence: words, and what an auditor would say of a sentence that has them."""

import re
from dataclasses import dataclass

NEGATION = re.compile(r"\b(?:no|not|never|nor|without)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for, and what to say when it is there."""

    severity: str
    title: str
    words: re.Pattern[str]
    description: str
    recommendation: str

    def applies_to(self, sentence: str) -> bool:
        """Whether the words are in the sentence without a "no" shortly before them."""
        return any(not NEGATION.search(sentence[: match.start()]) for match in self.words.finditer(sentence))


def _rule(severity: str, title: str, words: str, description: str, recommendation: str) -> Rule:
    return Rule(severity, title, re.compile(rf"\b(?:{words})\b", re.IGNORECASE), description, recommendation)


RULES = (
    _rule("critical", "Going concern in doubt", r"going concern|material uncertainty|insolven\w+",
          "The evidence casts doubt on the ability to continue in business.", "Obtain management's assessment and forecasts."),
    _rule("critical", "Covenant breached", r"breach\w*|event of default|covenants? (?:was|were|is|are) not met",
          "A condition of a contract was not kept.", "Ask for the lender's waiver and review the classification of the debt."),
    _rule("high", "Amounts overdue", r"overdue|past due|in arrears|unpaid|days late",
          "Amounts that were due have not been paid.", "Confirm the balances and consider an impairment."),
    _rule("high", "Records disagree", r"unreconciled|discrepanc\w+|does not (?:agree|reconcile|match)|difference of",
          "Two records of the same matter differ.", "Reconcile the records and correct the wrong one."),
    _rule("high", "Duplicate entry", r"duplicates?|paid twice|invoiced twice",
          "The same item appears to be recorded more than once.", "Compare both entries and reverse one."),
    _rule("medium", "Positions without a value", r"could not be priced|MISSING_MARKET_DATA|UNKNOWN_PRODUCT",
          "The valuation leaves positions out.", "Complete the positions or the market data and run the valuation again."),
    _rule("medium", "Related parties", r"related part(?:y|ies)|director'?s'? loan|loan to (?:a|the) director",
          "There are dealings with related parties.", "Check that they are disclosed and at arm's length."),
    _rule("medium", "Approval missing", r"unsigned|not signed|without approval|not approved|missing signature|unauthori[sz]ed",
          "A decision or document lacks its approval.", "Obtain the approval, or establish who acted."),
    _rule("medium", "Dispute", r"litigation|lawsuit|disputed?|claims? against",
          "There is a dispute whose outcome is open.", "Ask counsel for an assessment and consider a provision."),
    _rule("low", "Security given", r"guarantees?|pledged?|collateral|lien|mortgage",
          "Assets secure obligations.", "Check the disclosure of pledges and guarantees."),
    _rule("low", "Term ended", r"expired?s?|lapsed|terminated",
          "An agreement has ended or is about to.", "Check whether it was renewed and on what terms."),
)  # fmt: skip
