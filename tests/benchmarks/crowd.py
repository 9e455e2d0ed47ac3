"""Two processes that take files one by one: what the pipeline is compared with.

It is a program of its own, so that other libraries may live in an environment of
their own:  `python crowd.py KIND`.  It says on its standard output that it is ready,
or what is missing, and answers each line of paths with pages and seconds.  What it
makes of a file is kept by nobody.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: How many processes there are, like workers on the other side.
PROCESSES = 2

#: The most characters of a chunk, and how many two neighbours share.
CHARACTERS = 1200
OVERLAP = 100

#: The same in tokens, by the usual four characters for each.
TOKENS = CHARACTERS // 4
TOKEN_OVERLAP = OVERLAP // 4

#: Chunks that are embedded together.
BATCH = 64

#: What reads a file, and says how many pages it had.
Reader = Callable[[str], int]


def bare() -> Reader:
    """The libraries that the pipeline uses, with its settings and nothing else."""
    import pypdfium2
    from semantic_text_splitter import TextSplitter

    from docprogress.steps.embedders.hashing import HashingEmbedder

    splitter = TextSplitter(CHARACTERS, OVERLAP)
    embedder = HashingEmbedder()

    def read(path: str) -> int:
        texts = []
        with pypdfium2.PdfDocument(path) as pdf:
            for page in pdf:
                content = page.get_textpage()
                texts.append(content.get_text_range())
                content.close()
                page.close()
        chunks = splitter.chunks("\n\n".join(texts))
        for start in range(0, len(chunks), BATCH):
            embedder.embed(chunks[start : start + BATCH])
        return len(texts)

    return read


def langchain() -> Reader:
    """LangChain's loader of PDFs and its splitter of text; no vectors are made."""
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=CHARACTERS, chunk_overlap=OVERLAP
    )

    def read(path: str) -> int:
        pages = PyPDFLoader(path).load()
        splitter.split_documents(pages)
        return len(pages)

    return read


def llamaindex() -> Reader:
    """LlamaIndex's ingestion pipeline behind its reader; no vectors are made."""
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.readers.file import PDFReader

    reader = PDFReader()
    splitter = SentenceSplitter(chunk_size=TOKENS, chunk_overlap=TOKEN_OVERLAP)
    # With its cache it would do nothing from the second round on.
    pipeline = IngestionPipeline(transformations=[splitter], disable_cache=True)

    def read(path: str) -> int:
        pages = reader.load_data(Path(path))
        pipeline.run(documents=pages)
        return len(pages)

    return read


KINDS = {"bare": bare, "langchain": langchain, "llamaindex": llamaindex}

_reader: list[Reader] = []


def _read(path: str) -> int:
    return _reader[0](path)


def main(kind: str) -> None:
    """Read what standard input names until it ends."""
    try:
        _reader.append(KINDS[kind]())
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    # Forked after everything was loaded, as the pipeline's workers are.
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        print(json.dumps({"missing": None}), flush=True)
        for line in sys.stdin:
            paths = json.loads(line)
            started = time.perf_counter()
            pages = sum(pool.imap_unordered(_read, paths))
            seconds = time.perf_counter() - started
            print(json.dumps({"pages": pages, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
