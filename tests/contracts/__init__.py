"""The contracts over all that we have, broken parts that they must notice, and the pages that explain them."""
