"""The parts that PowerPoint wants in each presentation: a master, a layout, a theme."""

from .content import xml

_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_NAMESPACES = f'xmlns:p="{_P}" xmlns:a="{_A}" xmlns:r="{_R}"'
_EMPTY = (
    '<p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/>'
    "</p:nvGrpSpPr><p:grpSpPr/></p:spTree></p:cSld>"
)
_MAP = (
    '<p:clrMap bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" accent1="accent1" '
    'accent2="accent2" accent3="accent3" accent4="accent4" accent5="accent5" '
    'accent6="accent6" hlink="hlink" folHlink="folHlink"/>'
)
_COLORS = "".join(
    f'<a:{name}><a:srgbClr val="{value}"/></a:{name}>'
    for name, value in (
        ("dk1", "1D2433"),
        ("lt1", "FFFFFF"),
        ("dk2", "5B6475"),
        ("lt2", "EEF1F6"),
        *((f"accent{number}", "2F6FB0") for number in range(1, 7)),
        ("hlink", "2F6FB0"),
        ("folHlink", "5B6475"),
    )
)
_FONT = '<a:latin typeface="Liberation Sans"/><a:ea typeface=""/><a:cs typeface=""/>'
_FILL = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
_STYLES = (
    f"<a:fillStyleLst>{_FILL * 3}</a:fillStyleLst>"
    f"<a:lnStyleLst>{f'<a:ln>{_FILL}</a:ln>' * 3}</a:lnStyleLst>"
    "<a:effectStyleLst>"
    f"{'<a:effectStyle><a:effectLst/></a:effectStyle>' * 3}</a:effectStyleLst>"
    f"<a:bgFillStyleLst>{_FILL * 3}</a:bgFillStyleLst>"
)

TYPES = {
    "/ppt/slideMasters/slideMaster1.xml": "presentationml.slideMaster",
    "/ppt/slideLayouts/slideLayout1.xml": "presentationml.slideLayout",
    "/ppt/theme/theme1.xml": "theme",
}


def _links(*targets: tuple[str, str]) -> str:
    made = "".join(
        f'<Relationship Id="rId{number}" Type="{_R}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return xml(
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships">{made}</Relationships>'
    )


PARTS = {
    "ppt/slideMasters/slideMaster1.xml": xml(
        f"<p:sldMaster {_NAMESPACES}>{_EMPTY}{_MAP}<p:sldLayoutIdLst>"
        '<p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst></p:sldMaster>'
    ),
    "ppt/slideMasters/_rels/slideMaster1.xml.rels": _links(
        ("slideLayout", "../slideLayouts/slideLayout1.xml"),
        ("theme", "../theme/theme1.xml"),
    ),
    "ppt/slideLayouts/slideLayout1.xml": xml(
        f'<p:sldLayout {_NAMESPACES} type="blank">{_EMPTY}<p:clrMapOvr>'
        "<a:masterClrMapping/></p:clrMapOvr></p:sldLayout>"
    ),
    "ppt/slideLayouts/_rels/slideLayout1.xml.rels": _links(
        ("slideMaster", "../slideMasters/slideMaster1.xml")
    ),
    "ppt/theme/theme1.xml": xml(
        f'<a:theme xmlns:a="{_A}" name="Plain"><a:themeElements>'
        f'<a:clrScheme name="Plain">{_COLORS}</a:clrScheme><a:fontScheme name="Plain">'
        f"<a:majorFont>{_FONT}</a:majorFont><a:minorFont>{_FONT}</a:minorFont>"
        f'</a:fontScheme><a:fmtScheme name="Plain">{_STYLES}</a:fmtScheme>'
        "</a:themeElements></a:theme>"
    ),
}
