"""Count the tokens of a model that is known by its name only."""

import logging
from collections.abc import Callable
from functools import lru_cache

from docprogress.steps.embedders.tokens import ADDED

logger = logging.getLogger(__name__)


@lru_cache(maxsize=16)
def token_counter(model: str) -> Callable[[str], int]:
    """What counts the tokens of an endpoint's model.

    Those of OpenAI's models are counted by tiktoken, if it is installed and has their
    vocabulary or can download it. Else a text's bytes in UTF-8 are counted, of which no
    tokenizer makes more tokens.
    """
    try:
        import tiktoken

        encode = tiktoken.encoding_for_model(model).encode_ordinary
    except ImportError:
        return bounded_tokens
    except KeyError:  # not a model of OpenAI's
        return bounded_tokens
    except Exception as error:  # noqa: BLE001 - whatever a download raises
        logger.warning("tokens of %s are counted as bytes: %s", model, error)
        return bounded_tokens

    def count(text: str) -> int:
        return len(encode(text)) + ADDED

    return count


def bounded_tokens(text: str) -> int:
    """The maximum number of tokens that a text can be, with those that a model adds."""
    return len(text.encode("utf-8", "surrogatepass")) + ADDED
