"""Lines that were broken for sending, joined again (format=flowed, RFC 3676)."""


def unflow(text: str, *, delete_space: bool) -> str:
    """Join the lines of each paragraph, at each level of quotation.

    Args:
        text: The text of a part that is declared as flowed.
        delete_space: Whether a line's last space only marks that it continues.
    """
    lines: list[str] = []
    paragraph: list[str] = []
    level = 0
    for line in text.replace("\r\n", "\n").split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        if paragraph and depth != level:
            lines.append(_quoted(paragraph, level))
            paragraph = []
        level = depth
        goes_on = words.endswith(" ") and words != "-- "
        if words in ("", "-- ") and paragraph:
            # Neither belongs to a paragraph, though its last line may say so.
            paragraph[-1] = paragraph[-1].rstrip()
            lines.append(_quoted(paragraph, level))
            paragraph = []
        paragraph.append(words[:-1] if goes_on and delete_space else words)
        if not goes_on:
            lines.append(_quoted(paragraph, level))
            paragraph = []
    if paragraph:
        lines.append(_quoted(paragraph, level))
    return "\n".join(lines)


def _quoted(paragraph: list[str], level: int) -> str:
    text = "".join(paragraph)
    return f"{'>' * level} {text}".rstrip() if level else text
