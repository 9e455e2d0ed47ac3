"""The elements of OpenDocument texts that are handled, and those that are left out."""

from docprogress.steps.readers.odf import names

#: Subtrees without text of the document: what was deleted, templates of indexes,
#: pronunciation, scripts, formulas' sources.
SKIPPED = names(
    "text:tracked-changes text:note-citation text:ruby-text text:script",
    "math:annotation text:table-of-content-source text:bibliography-source",
    "text:alphabetical-index-source text:user-index-source text:object-index-source",
    "text:illustration-index-source text:table-index-source office:binary-data",
    "office:event-listeners office:scripts office:meta office:settings office:forms",
    "table:tracked-changes presentation:date-time-decl presentation:header-decl",
)
NAMES = names(
    "office:automatic-styles style:style style:text-properties text:list-style",
    "text:outline-style text:list-level-style-number text:list-level-style-bullet",
    "text:list-level-style-image text:outline-level-style office:body",
    "style:list-level-label-alignment style:drawing-page-properties",
    "text:p text:h text:span text:a text:s text:tab text:line-break text:section",
    "text:list text:list-item text:list-header text:note text:note-body",
    "text:hidden-text text:hidden-paragraph office:annotation dc:creator dc:date",
    "table:table table:table-row table:table-cell table:covered-table-cell",
    "draw:text-box draw:custom-shape draw:rect draw:ellipse draw:circle draw:line",
    "draw:polyline draw:polygon draw:path draw:connector draw:caption draw:object",
    "draw:image svg:title svg:desc draw:frame draw:page presentation:notes",
    "presentation:footer-decl math:mi math:mn",
    "math:mo math:mtext style:master-page style:header style:header-left",
    "style:header-first style:footer style:footer-left style:footer-first",
)
