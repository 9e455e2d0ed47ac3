"""PDFs written by hand, for what no library writes."""

HELVETICA = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding{}>>"

#: The object number of the first font; more objects follow the fonts.
FIRST_FONT = 5


def stream(content, entries=""):
    """A stream object."""
    content = content if isinstance(content, bytes) else content.encode("latin-1")
    head = f"<<{entries}/Length {len(content)}>>stream\n".encode()
    return head + content + b"\nendstream"


def line(x, y, text, *, font="F", size=11):
    """The operators that show a text, a PDF string, at a place."""
    return f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm {text} Tj ET\n"


def one_page(content, *, fonts=None, more=(), page="", catalog="", resources=""):
    """A PDF of a page of 600 by 800 points.

    Args:
        content: The page's content.
        fonts: The fonts by their names; their objects are numbered from 5.
        more: The objects after the fonts.
        page: Further entries of the page.
        catalog: Further entries of the catalogue.
        resources: Further resources of the page.
    """
    fonts = fonts or {"F": HELVETICA.format("")}
    names = "".join(f"/{name} {FIRST_FONT + n} 0 R" for n, name in enumerate(fonts))
    page_object = (
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R{page}"
        f"/Resources<</Font<<{names}>>{resources}>>>>"
    )
    bodies = [
        f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page_object,
        stream(content),
        *fonts.values(),
        *more,
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        encoded = body if isinstance(body, bytes) else body.encode("latin-1")
        out += b"%d 0 obj\n%s\nendobj\n" % (number, encoded)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer"
        % (
            len(bodies) + 1,
            table,
        )
        + b"<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF"
        % (
            len(bodies) + 1,
            len(out),
        )
    )


def to_unicode(width, **codes):
    """A ToUnicode map: `to_unicode(2, c41="0048")` maps code 41 to U+0048."""
    rows = " ".join(f"<{code[1:]}> <{text}>" for code, text in codes.items())
    return stream(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        f"/CMapType 2 def 1 begincodespacerange <{'00' * width}> <{'ff' * width}> "
        f"endcodespacerange {len(codes)} beginbfchar {rows} endbfchar endcmap end end"
    )
