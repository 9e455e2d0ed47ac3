"""Archives that tests make: ZIP, tar, compressed."""

import io
import tarfile
import zipfile


def zipped(files, *, method=zipfile.ZIP_DEFLATED):
    """A ZIP archive of (name, content) pairs, or of `ZipInfo`s with contents."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return content.getvalue()


def tarred(files, *, mode="w"):
    """A tar archive of (name, content) pairs, or of `TarInfo`s with contents."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:
        for name, data in files:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()
