"""Writes tests/data/formats: one small table in every format, by the programs that define them.

    python tests/reference/formats.py tests/data/formats

Each file NAME.* stands beside NAME.csv, which holds what must be read from it: the header has the
names of the columns. Needs NumPy and scikit-learn.
"""

import csv
import gzip
import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import dump_svmlight_file

folder = Path(sys.argv[1])
random = np.random.RandomState(7)
ROWS = 12
X = np.round(random.normal(size=(ROWS, 3)) * 100, 3)
X[:, 2] = np.round(X[:, 2])
y = np.array([0, 1, 2] * 4)
words = np.array(["red", "dark blue", "gr\u00fcn"] * 4)


def expect(name, header, columns):
    with open(folder / f"{name}.csv", "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        for row in zip(*columns):
            out.writerow(["" if isinstance(v, float) and np.isnan(v) else v for v in row])


def plain(column):
    """NumPy's numbers as Python's, which print with all their digits."""
    return [v.item() if hasattr(v, "item") else v for v in column]


def columns_of(*arrays):
    return [plain(c) for a in arrays for c in np.asarray(a).reshape(len(a), -1).T]


def numbered(n):
    return [f"column_{j + 1}" for j in range(n)]


# ---- npy

both = np.column_stack([X, y])
both[4, 1] = np.nan
for name, array in {
    "float64": both,
    "float32": both.astype("<f4"),
    "float16": (both / 8).astype("<f2"),
    "big_endian": both.astype(">f8"),
    "fortran": np.asfortranarray(both),
    "int16": np.nan_to_num(both).astype("<i2"),
    "int64_big_endian": np.nan_to_num(both).astype(">i8"),
    "uint8": (np.nan_to_num(both) % 100).astype("u1"),
    "int8": (np.nan_to_num(both) % 100).astype("i1"),
    "huge_int64": np.column_stack(
        [2**55 + 1001 * np.arange(ROWS) ** 2, -(2**62) - 77777 * np.arange(ROWS) ** 2, y]
    ),
    "bool": np.column_stack([X > 0, y % 2 == 0]),
}.items():
    np.save(folder / f"{name}.npy", array)
    if array.dtype == bool:
        array = array.astype(int)
    expect(name, numbered(array.shape[1]), columns_of(array))

cube = np.arange(ROWS * 6).reshape(ROWS, 2, 3) % 7 + np.arange(ROWS)[:, None, None] ** 2 % 5
for name, array in {"cube": cube, "cube_fortran": np.asfortranarray(cube)}.items():
    np.save(folder / f"{name}.npy", array.astype("<i4"))
    expect(name, numbered(6), columns_of(cube))

record = np.zeros(
    ROWS, dtype=np.dtype([("width", "<f8"), ("n", ">i2"), ("color", "U9"), ("kind", "S5")], align=True)
)
record["width"], record["n"], record["color"] = X[:, 0], X[:, 2], words
record["kind"] = np.array([b"a", b"b", b"a"] * 4)
np.save(folder / "record.npy", record)
expect(
    "record",
    ["width", "n", "color", "kind"],
    [plain(X[:, 0]), plain(record["n"]), list(words), ["a", "b", "a"] * 4],
)
with open(folder / "version3.npy", "wb") as f:
    np.lib.format.write_array(f, both, version=(3, 0))
expect("version3", numbered(4), columns_of(both))

# ---- npz

np.savez(folder / "pair.npz", X=X, y=y)
np.savez_compressed(folder / "deflated.npz", data=X.astype("f4"), target=words, feature_names=["a", "b", "c"])
np.savez(folder / "halves.npz", x_train=X[:8], y_train=y[:8], x_test=X[8:], y_test=y[8:])
np.savez(folder / "single.npz", anything=both)
np.savez(folder / "two_targets.npz", X=X[:, :1], y=X[:, 1:] + 0.25)
split = ["train"] * 8 + ["test"] * 4
expect("pair", numbered(3) + ["y"], columns_of(X, y))
expect("deflated", numbered(3) + ["target"], columns_of(X.astype("f4")) + [list(words)])
expect("halves", numbered(3) + ["y", "split"], columns_of(X, y) + [split])
expect("single", numbered(4), columns_of(both))
expect("two_targets", ["column_1", "y_1", "y_2"], columns_of(X[:, :1], X[:, 1:] + 0.25))

# ---- idx: as http://yann.lecun.com/exdb/mnist describes it


def idx(array):
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    code = codes[array.dtype.str[1:]]
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


images = (cube % 256).astype("u1")
parts = {
    "train-images-idx3-ubyte": images[:8],
    "train-labels-idx1-ubyte": y[:8].astype("u1"),
    "t10k-images-idx3-ubyte": images[8:],
    "t10k-labels-idx1-ubyte": y[8:].astype("u1"),
}
for name, array in parts.items():
    (folder / name).write_bytes(idx(array))
(folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images[:8]), mtime=0))
pixels = [f"p{j}" for j in range(6)]
expect("mnist", pixels + ["label", "split"], columns_of(images, y) + [split])
expect("mnist_train", pixels + ["label"], columns_of(images[:8], y[:8]))
(folder / "table.idx").write_bytes(idx(np.nan_to_num(both).astype("f8")))
expect("table", [f"p{j}" for j in range(4)], columns_of(np.nan_to_num(both)))

# ---- arff: by hand, after https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable

missing = X.copy()
missing[3, 0] = np.nan
lines = [
    "% a table made for tests",
    "@RELATION 'a table'",
    "",
    "@attribute 'first column' NUMERIC",
    "@attribute second real % a comment",
    "@attribute n integer",
    "@attribute color {red, 'dark blue', 'gr\u00fcn', \"it's\"}",
    "@attribute class {1, 2, 3}",
    "",
    "@DATA",
]
for i in range(ROWS):
    first = "?" if i == 3 else repr(float(missing[i, 0]))
    lines.append(f"{first}, {float(X[i, 1])!r},\t{int(X[i, 2])},'{words[i]}',{y[i] + 1}")
    if i == 5:
        lines.append("  % half of it")
(folder / "weka.arff").write_text("\r\n".join(lines) + "\r\n")
expect(
    "weka",
    ["first column", "second", "n", "color", "class"],
    columns_of(missing, y + 1)[:3] + [list(words), plain(y + 1)],
)
sparse = X.copy()
sparse[abs(sparse) < 60] = 0
lines = ["@relation s"] + [f"@attribute x{j} numeric" for j in range(3)]
lines += ["@attribute class {no,yes}", "@data"]
for i in range(ROWS):
    cells = [f"{j} {float(v)!r}" for j, v in enumerate(sparse[i]) if v]
    cells += ["3 yes"] if y[i] == 1 else []
    lines.append("{" + ", ".join(cells) + "}")
(folder / "sparse.arff").write_text("\n".join(lines) + "\n")
expect("sparse", ["x0", "x1", "x2", "class"], columns_of(sparse) + [["yes" if v == 1 else "no" for v in y]])

# ---- libsvm

labels = np.where(y == 1, 1, -1)
dump_svmlight_file(sparse, labels, str(folder / "one.libsvm"), zero_based=False, comment="made by scikit-learn")
dump_svmlight_file(sparse, np.round(X[:, 0] / 3, 2), str(folder / "zero.svm"), zero_based=True, query_id=np.arange(ROWS) // 3)
expect("one", ["x1", "x2", "x3", "label"], columns_of(sparse, labels))
expect("zero", ["x0", "x1", "x2", "label"], columns_of(sparse, np.round(X[:, 0] / 3, 2)))

# ---- gzip of any

for name in ["float64.npy", "weka.arff", "one.libsvm", "pair.npz"]:
    (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes(), mtime=0))
