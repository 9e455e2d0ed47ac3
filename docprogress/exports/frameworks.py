"""Chunks as the types of other libraries, which are imported when they are used."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from docprogress.errors import ExportError
from docprogress.exports.records import Record

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from llama_index.core.schema import TextNode

#: What only programs need: it is kept from embedding and language models.
_FOR_PROGRAMS = ["document_id", "number", "start", "end", "kind"]

_METADATA = (
    "document_id",
    "document",
    "number",
    "start",
    "end",
    "first_page",
    "last_page",
    "headings",
    "kind",
)


def to_langchain(chunks: Iterable[Record]) -> "list[Document]":
    """A LangChain `Document` for each chunk.

    Raises:
        ExportError: langchain-core is not installed.
    """
    try:
        from langchain_core.documents import Document
    except ImportError:
        raise _missing("langchain-core") from None
    return [
        Document(
            id=_id(chunk),
            page_content=chunk["text"],
            # Where LangChain's chains look for the name.
            metadata={"source": chunk["document"]} | _metadata(chunk),
        )
        for chunk in chunks
    ]


def to_llama_index(chunks: Iterable[Record]) -> "list[TextNode]":
    """A LlamaIndex `TextNode` for each chunk, with its vector.

    Raises:
        ExportError: llama-index-core is not installed.
    """
    try:
        from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
    except ImportError:
        raise _missing("llama-index-core") from None
    nodes: list[TextNode] = []
    for chunk in chunks:
        source = RelatedNodeInfo(node_id=chunk["document_id"])
        node = TextNode(
            id_=_id(chunk),
            text=chunk["text"],
            start_char_idx=chunk["start"],
            end_char_idx=chunk["end"],
            embedding=None if chunk["vector"] is None else chunk["vector"].tolist(),
            metadata={"file_name": chunk["document"]} | _metadata(chunk),
            excluded_embed_metadata_keys=_FOR_PROGRAMS,
            excluded_llm_metadata_keys=_FOR_PROGRAMS,
            relationships={NodeRelationship.SOURCE: source},
        )
        if nodes and nodes[-1].ref_doc_id == node.ref_doc_id:
            before = nodes[-1]
            after = RelatedNodeInfo(node_id=node.node_id)
            before.relationships[NodeRelationship.NEXT] = after
            previous = RelatedNodeInfo(node_id=before.node_id)
            node.relationships[NodeRelationship.PREVIOUS] = previous
        nodes.append(node)
    return nodes


def _id(chunk: Record) -> str:
    return f"{chunk['document_id']}-{chunk['number']}"


def _metadata(chunk: Record) -> dict[str, Any]:
    found = {name: chunk[name] for name in _METADATA}
    return {name: value for name, value in found.items() if value not in (None, [])}


def _missing(package: str) -> ExportError:
    return ExportError(f"{package} is not installed: pip install {package}")
