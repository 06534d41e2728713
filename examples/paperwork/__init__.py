"""The papers of Quillmere Milling Machines Ltd, a company that does not exist, as its auditors would be given them."""
