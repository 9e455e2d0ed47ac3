"""How long tests wait before they give up.

A deadline in a test is written for an idle machine and multiplied by
`DOCPROGRESS_TEST_PATIENCE`, 4 by default. A passing test never reaches one.
"""

import os

#: What every deadline is multiplied by.
PATIENCE = float(os.environ.get("DOCPROGRESS_TEST_PATIENCE", "4"))


def patient(seconds: float) -> float:
    """A deadline for this machine, from that of an idle one."""
    return seconds * PATIENCE
