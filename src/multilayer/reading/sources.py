"""The content of a table as a file on disk: unpacked, and if it is text, in UTF-8."""

from __future__ import annotations

import bz2
import codecs
import errno
import gzip
import io
import lzma
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from multilayer.reading.errors import TableError
from multilayer.reading.limits import size_limit
from multilayer.temporary import temporary_file

__all__ = ["Source", "open_source"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BLOCK = 1 << 22  # bytes that are unpacked and decoded at a time
_SAMPLE = 1 << 17  # bytes from which the encoding is detected

_KINDS = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow stream",
    b"\xd0\xcf\x11\xe0": "Excel",
}
_FOREIGN = {
    b"FEA1": "a Feather file of version 1",
    b"SQLite format 3": "a database",
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a picture",
    b"7z\xbc\xaf": "a 7-Zip archive (unpack it first)",
    b"Rar!": "a RAR archive (unpack it first)",
}
# Encodings in which words consist of letters that are not ASCII; the western ones differ in few.
_OTHERS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "shift_jis", "euc_jp", "gb18030"]
_OTHERS += ["big5", "euc_kr"]
_WESTERN = 0.6  # share of letters that are not ASCII, in words that have some, below which it is
_MESS = 0.6  # unlikely sequences that charset-normalizer tolerates; a table has more than prose

_NO_CONTROLS = bytes(byte for byte in range(256) if byte in b"\0\t\n\v\f\r" or byte > 31)

_BOMS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]


@dataclass(frozen=True)
class Source:
    """A table as a file on disk.

    Attributes
    ----------
    name : str
        As in messages.
    path : Path
    kind : {"Parquet", "Arrow", "Arrow stream", "Excel", "JSON", "JSON lines", "CSV"}
    remarks : tuple of str
        What was guessed.
    """

    name: str
    path: Path
    kind: str = ""
    remarks: tuple[str, ...] = ()


@contextmanager
def open_source(
    given: str | Path | bytes, name: str | None = None, encoding: str | None = None
) -> Iterator[Source]:
    """Provide the content of a table.

    Parameters
    ----------
    given : str, Path or bytes
        A file; "-" for standard input; or the content itself.
    name : str, optional
        In messages; by default that of the file.
    encoding : str, optional
        Of a text file. By default it is UTF-8 if the bytes are, or else detected.

    Raises
    ------
    TableError
        If the content cannot be unpacked or decoded, or is no table.
    OSError
        If the file cannot be opened.
    """
    with ExitStack() as stack:
        if isinstance(given, bytes):
            path = _copied(stack, lambda file: file.write(given))
        elif str(given) == "-":
            path = _copied(stack, lambda file: shutil.copyfileobj(sys.stdin.buffer, file))
            name = name or "standard input"
        else:
            path = Path(given)
            path.open("rb").close()  # an OSError of its own, as of a folder
        source = Source(name or str(given), path)
        yield _as_text(stack, _unpacked(stack, source, size_limit(path)), encoding)


def _copied(stack: ExitStack, write: Callable[[IO[bytes]], Any]) -> Path:
    """Write a temporary file that is removed at the end."""
    file = stack.enter_context(temporary_file(tempfile.gettempdir()))
    try:
        write(file)
        file.flush()
    except OSError as error:
        if error.errno in _FULL:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None
        raise
    return Path(file.name)


def _unpacked(stack: ExitStack, source: Source, limit: int) -> Source:
    start = _start(source)
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise TableError(
                f"{source.name} is {what}; a table is CSV, JSON, Parquet, Arrow or Excel"
            )
    for magic, kind in _KINDS.items():
        if start.startswith(magic):
            return replace(source, kind=kind)
    try:
        if start.startswith(b"PK\x03\x04"):
            return _from_zip(stack, source, limit)
        for magic, unpack in _PACKED.items():
            if start.startswith(magic):
                with unpack(source.path) as file:
                    return _unpacked(stack, _limited_copy(stack, source, file, limit), limit)
    except (TableError, MemoryError):
        raise
    except Exception as error:  # of five libraries, without a common base
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        raise TableError(f"{source.name} cannot be unpacked: {error}") from None
    return source


def _open_zstd(path: Path) -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.open(path, "rb")


_PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}


def _from_zip(stack: ExitStack, source: Source, limit: int) -> Source:
    with zipfile.ZipFile(source.path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        if any(name.startswith(("xl/", "content.xml")) for name in names):
            return replace(source, kind="Excel")
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            shown = ", ".join(names[:5]) + " …" * (len(names) > 5)
            raise TableError(
                f"{source.name} must hold one file, but holds {len(names)}: {shown or 'none'}"
            )
        with archive.open(names[0]) as file:
            return _unpacked(stack, _limited_copy(stack, source, file, limit), limit)


def _limited_copy(stack: ExitStack, source: Source, file: Any, limit: int) -> Source:
    """Copy what a packed file holds, unless it holds much more than files of tables do."""

    def write(out: IO[bytes]) -> None:
        written = 0
        while block := file.read(_BLOCK):
            written += len(block)
            if written > limit:
                raise TableError(f"{source.name} unpacks to more than {limit / 1e9:.1f} GB")
            out.write(block)

    return replace(source, path=_copied(stack, write))


def _as_text(stack: ExitStack, source: Source, encoding: str | None) -> Source:
    """Return the source of a text file in UTF-8, without a byte order mark, with its kind."""
    if source.kind:
        return source
    start = _start(source)
    if not start.strip(b"\0 \t\r\n"):
        with source.path.open("rb") as file:
            if not any(block.strip() for block in iter(lambda: file.read(_BLOCK), b"")):
                raise TableError(f"a table has at least one row, but {source.name} is empty")
    controls = len(start.translate(None, _NO_CONTROLS))
    if encoding is None and controls > len(start) // 50:
        raise TableError(f"{source.name} is a binary file of no known kind: not a table")
    found = encoding or next((name for bom, name in _BOMS if start.startswith(bom)), None)
    found = found or _wide_encoding(start)
    if found is None:
        wrong, uniform = _look_through(source.path)
        if wrong is None and not uniform:
            found = "utf-8"
        if wrong is not None:
            found = _detected(source, wrong)
            said = (
                f"{source.name} is not UTF-8 and is read as {found}; use --encoding to change that"
            )
            source = replace(source, remarks=(*source.remarks, said))
    if found is not None:
        source = _transcoded(stack, source, found)
    start = _start(source)
    if not start:  # such as a byte order mark alone
        raise TableError(f"a table has at least one row, but {source.name} is empty")
    if b"\0" in start:
        raise TableError(f"{source.name} is a binary file of no known kind: not a table")
    text = start.lstrip(b" \t\r\n")
    if text.startswith(b"{"):
        return replace(source, kind="JSON lines")
    if text.startswith(b"[") and _end(source).rstrip().endswith(b"]"):
        return replace(source, kind="JSON")
    return replace(source, kind="CSV")


def _start(source: Source) -> bytes:
    with source.path.open("rb") as file:
        return file.read(1 << 16)


def _end(source: Source) -> bytes:
    with source.path.open("rb") as file:
        file.seek(max(0, source.path.stat().st_size - 64))
        return file.read()


def _wide_encoding(start: bytes) -> str | None:
    """Detect UTF-16 without a byte order mark by the zeros in every other byte."""
    even, odd = start[::2], start[1::2]
    if len(start) < 4 or not start.count(0):
        return None
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def _look_through(path: Path) -> tuple[int | None, bool]:
    """Return the place of the first byte that is not UTF-8, and whether all lines end alike."""
    decoder, place = codecs.getincrementaldecoder("utf-8")(), 0
    cr = lf = both = 0
    last = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            # ASCII needs no decoding; the decoder may still hold the start of a character.
            if not block.isascii() or decoder.getstate()[0]:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    return place + error.start, True
            place += len(block)
            lf += block.count(b"\n")
            if b"\r" in block or last == b"\r":
                cr += block.count(b"\r")
                both += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
            last = block[-1:]
    uniform = not cr or not lf or cr == lf == both
    return (place if decoder.getstate()[0] else None), uniform


def _detected(source: Source, wrong: int) -> str:
    """Detect the encoding from the bytes around the first that is not UTF-8."""
    from charset_normalizer import from_bytes

    with source.path.open("rb") as file:
        file.seek(max(0, wrong - _SAMPLE // 2))
        sample = file.read(_SAMPLE)
    # Only the lines that tell: among much ASCII, charset-normalizer does not see them.
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii()) or sample
    words = re.findall(rb"[A-Za-z\x80-\xff]+", telling)
    # A single sign, such as that of a currency, is not evidence.
    letters = b"".join(word for word in words if not word.isascii() and len(word) > 1)
    if not letters or sum(byte > 127 for byte in letters) < _WESTERN * len(letters):
        for encoding in ("cp1252", "latin_1"):
            try:
                telling.decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    best = from_bytes(telling, cp_isolation=_OTHERS).best()
    if best is None:
        text = b" ".join(dict.fromkeys(words))
        best = from_bytes(text, cp_isolation=_OTHERS, threshold=_MESS).best()
    if best is None:
        raise TableError(
            f"{source.name} must be text, but byte {wrong} is in no known encoding: "
            "use --encoding to set it"
        )
    return best.encoding


def _transcoded(stack: ExitStack, source: Source, encoding: str) -> Source:
    """Copy a text file to UTF-8, all lines ending alike."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise TableError(f"encoding must be one that Python knows, got {encoding!r}") from None

    def write(out: IO[bytes]) -> None:
        with source.path.open("rb") as file:
            ends = io.IncrementalNewlineDecoder(decoder, translate=True)
            while block := file.read(_BLOCK):
                out.write(ends.decode(block).encode())
            out.write(ends.decode(b"", final=True).encode())

    try:
        path = _copied(stack, write)
    except UnicodeError as error:
        raise TableError(f"{source.name} must be {encoding} text: {error}") from None
    return replace(source, path=path)
