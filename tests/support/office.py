"""Makes small office files out of their XML."""

import io
import zipfile

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
C = 'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
DGM = 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
V = 'xmlns:v="urn:schemas-microsoft-com:vml"'
ALL = f"{W} {R} {A} {C} {DGM} {MC} {P} {M} {V}"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

CHART = (
    f"<c:chartSpace {ALL}><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales"
    "</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart>"
    "<c:ser><c:tx><c:strRef><c:f>A1</c:f><c:strCache><c:pt><c:v>North</c:v></c:pt>"
    "</c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache>"
    "<c:pt><c:v>Spring</c:v></c:pt><c:pt><c:v>Autumn</c:v></c:pt>"
    "</c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>"
    "<c:formatCode>General</c:formatCode>"
    "<c:pt><c:v>0.30000000000000004</c:v></c:pt><c:pt><c:v>12</c:v></c:pt>"
    "</c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart>"
    "</c:chartSpace>"
)
DIAGRAM = (
    f"<dgm:dataModel {ALL}><dgm:ptLst>"
    + "".join(
        f'<dgm:pt modelId="{number}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p>'
        "</dgm:t></dgm:pt>"
        for number, text in ((3, "Second"), (1, ""), (2, "First"), (4, "Detail"))
    )
    + "</dgm:ptLst><dgm:cxnLst>"
    '<dgm:cxn srcId="1" destId="3" srcOrd="1"/>'
    '<dgm:cxn srcId="1" destId="2" srcOrd="0"/>'
    '<dgm:cxn srcId="2" destId="4" srcOrd="0"/>'
    '<dgm:cxn type="presOf" srcId="4" destId="1" srcOrd="0"/>'
    "</dgm:cxnLst></dgm:dataModel>"
)


def zipped(parts: dict[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def relations(targets: dict[str, tuple[str, str]]) -> str:
    """A part with relations: by id, the type and the target."""
    made = [f'<Relationships xmlns="{RELATIONS}">']
    for key, (kind, target) in targets.items():
        outside = ' TargetMode="External"' if "://" in target else ""
        made.append(
            f'<Relationship Id="{key}" Type="{TYPE}/{kind}" Target="{target}"{outside}/>'
        )
    return "".join([*made, "</Relationships>"])


def p(text: str = "", properties: str = "", run: str = "") -> str:
    """A paragraph of one run."""
    return (
        f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr>"
        f'<w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


def story(content: str, root: str = "hdr") -> str:
    return f"<w:{root} {ALL}>{content}</w:{root}>"


def docx(
    body: str,
    *,
    targets: dict[str, tuple[str, str]] | None = None,
    main: str = "word/document.xml",
    **parts: str | bytes,
) -> bytes:
    """A Word document; `parts` are `styles="…"` for `word/styles.xml`, and so on."""
    folder, _, name = main.rpartition("/")
    return zipped(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/'
            f'package/2006/content-types"><Override PartName="/{main}" ContentType='
            '"application/vnd.openxmlformats-officedocument.wordprocessingml.'
            'document.main+xml"/></Types>',
            "_rels/.rels": relations({"r1": ("officeDocument", main)}),
            main: f"<w:document {ALL}><w:body>{body}</w:body></w:document>",
            f"{folder}/_rels/{name}.rels": relations(targets or {}),
            **{
                f"{folder}/{part}" if "." in part else f"{folder}/{part}.xml": content
                for part, content in parts.items()
            },
        }
    )


def shape(text: str, kind: str = "", properties: str = "", more: str = "") -> str:
    """A slide's shape, whose lines are paragraphs."""
    place = f'<p:ph type="{kind}"/>' if kind else ""
    paragraphs = "".join(
        f"<a:p>{properties}<a:r><a:t>{line}</a:t></a:r></a:p>"
        for line in text.split("\n")
    )
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="x" {more}/><p:cNvSpPr/>'
        f"<p:nvPr>{place}</p:nvPr></p:nvSpPr><p:txBody>{paragraphs}</p:txBody></p:sp>"
    )


def slide(*shapes: str, more: str = "", root: str = "sld") -> str:
    return (
        f"<p:{root} {ALL} {more}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree>"
        f"</p:cSld></p:{root}>"
    )


def pptx(
    slides: dict[str, str],
    *,
    order: list[str] | None = None,
    targets: dict[str, dict[str, tuple[str, str]]] | None = None,
    kind: str = "presentationml.presentation",
    **parts: str | bytes,
) -> bytes:
    """A presentation of slides by name; `targets` are each slide's relations."""
    shown = "".join(f'<p:sldId id="1" r:id="{name}"/>' for name in order or slides)
    vendor = "openxmlformats-officedocument" if "ml." in kind else "ms"
    joint = "." if "ml." in kind else "-"
    return zipped(
        {
            "[Content_Types].xml": '<Types><Override PartName="/ppt/presentation.xml" '
            f'ContentType="application/vnd.{vendor}{joint}{kind}.main+xml"/></Types>',
            "ppt/presentation.xml": f"<p:presentation {ALL}><p:sldIdLst>{shown}"
            "</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": relations(
                {
                    **{name: ("slide", f"slides/{name}.xml") for name in slides},
                    "authors": ("commentAuthors", "commentAuthors.xml"),
                }
            ),
            **{f"ppt/slides/{name}.xml": content for name, content in slides.items()},
            **{
                f"ppt/slides/_rels/{name}.xml.rels": relations(found)
                for name, found in (targets or {}).items()
            },
            **{f"ppt/{name}": content for name, content in parts.items()},
        }
    )


_ODF = "urn:oasis:names:tc:opendocument:xmlns"
ODF_SPACES = " ".join(
    f'xmlns:{prefix}="{space}"'
    for prefix, space in {
        **{
            name: f"{_ODF}:{name}:1.0"
            for name in ("office", "style", "text", "table", "meta", "presentation")
        },
        "draw": f"{_ODF}:drawing:1.0",
        "svg": f"{_ODF}:svg-compatible:1.0",
        "fo": f"{_ODF}:xsl-fo-compatible:1.0",
        "chart": f"{_ODF}:chart:1.0",
        "dc": "http://purl.org/dc/elements/1.1/",
        "xlink": "http://www.w3.org/1999/xlink",
        "math": "http://www.w3.org/1998/Math/MathML",
        "loext": "urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0",
    }.items()
)


def odf_part(content: str, root: str = "document-content") -> str:
    return f"<office:{root} {ODF_SPACES}>{content}</office:{root}>"


def odf(
    body: str,
    *,
    kind: str = "text",
    automatic: str = "",
    common: str = "",
    masters: str = "",
    **parts: str | bytes,
) -> bytes:
    """An OpenDocument file; `parts` are further files by name."""
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": odf_part(
                f"<office:automatic-styles>{automatic}</office:automatic-styles>"
                f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
            ),
            "styles.xml": odf_part(
                f"<office:styles>{common}</office:styles>"
                f"<office:master-styles>{masters}</office:master-styles>",
                "document-styles",
            ),
            **parts,
        }
    )


def flat_odf(body: str, *, kind: str = "text", automatic: str = "") -> bytes:
    """The same as one XML file."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<office:document {ODF_SPACES} office:version="1.3" '
        f'office:mimetype="application/vnd.oasis.opendocument.{kind}">'
        "<office:meta><dc:title>Flat</dc:title></office:meta>"
        f"<office:automatic-styles>{automatic}</office:automatic-styles>"
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
        "</office:document>"
    ).encode()
