#!/usr/bin/env python3
"""Says whether what a script has made is what is committed.

    python compare.py MADE COMMITTED TOLERANCE

Files or folders. "same", "same but for rounding" where all numbers agree within the tolerance
(relative; absolute below one), or what differs, with exit status 1. What names versions is left
out: the first comment of C data, comments of libsvm. Of compressed files the contents count.
"""
import gzip
import io
import pathlib
import re
import sys
import zipfile

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:0x[0-9a-f]+\.?[0-9a-f]*p[-+]?\d+|\d+\.?\d*(?:e[-+]?\d+)?)")


def contents(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if data[:2] == b"PK":
        archive = zipfile.ZipFile(io.BytesIO(data))
        data = b"".join(name.encode() + archive.read(name) for name in archive.namelist())
    if path.suffix == ".inc":
        data = re.sub(rb"\A/\*.*?\*/", b"", data, flags=re.DOTALL)
    if {".libsvm", ".svm"} & set(path.suffixes):
        data = re.sub(rb"^#.*\n", b"", data, flags=re.MULTILINE)
    return data


def value(text):
    return float.fromhex(text) if "x" in text else float(text)


def difference(made, committed):
    """The largest difference of two numbers, or in words what else differs."""
    made, committed = made.decode("latin-1"), committed.decode("latin-1")
    a, b = NUMBER.findall(made), NUMBER.findall(committed)
    if NUMBER.sub("#", made).split() != NUMBER.sub("#", committed).split():
        return "not only in numbers"
    return max((abs(value(x) - value(y)) / max(1, abs(value(x)), abs(value(y)))
                for x, y in zip(a, b) if x != y), default=0.0)


def compare(made, committed, tolerance):
    if not committed.exists():
        return "is not committed"
    a, b = contents(made), contents(committed)
    if a == b:
        return None
    if made.suffix != ".inc":
        return "differs"
    found = difference(a, b)
    if isinstance(found, str):
        return f"differs, {found}"
    return found if found <= tolerance else f"differs by {found:.2g}; {tolerance:g} is rounding"


def main():
    made, committed = map(pathlib.Path, sys.argv[1:3])
    tolerance = float(sys.argv[3])
    pairs = [(made, committed)]
    if made.is_dir():
        pairs = [(path, committed / path.name) for path in sorted(made.iterdir())]
    answers = [(path.name, compare(path, other, tolerance)) for path, other in pairs]
    wrong = [f"{name} {answer}" for name, answer in answers if isinstance(answer, str)]
    rounded = [answer for _, answer in answers if isinstance(answer, float)]
    if wrong:
        print("; ".join(wrong))
        sys.exit(1)
    print(f"same but for rounding, {max(rounded):.2g} at most" if rounded else "same")


main()
