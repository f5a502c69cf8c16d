/*
 * Every kind of cross-validation and every data format, through HTTP: the folds that a user
 * downloads are what their kind says, and a file's columns are read as its format means them.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit } from "../lib/daemon.mjs";

const FORMATS = new URL("../data/formats/", import.meta.url);
let daemon;

/* ---- the table ------------------------------------------------------------------------------- */

/* Twelve groups of unequal size, every time twice and in no order, classes of two to one. */
const N = 96;
const SIZES = [14, 12, 11, 10, 9, 8, 8, 7, 6, 5, 4, 2];
const GROUPS = SIZES.flatMap((size, g) => Array.from({ length: size }, () => g));
const ROWS = Array.from({ length: N }, (_, i) => ({
    x: Math.sin(i * 1.7).toFixed(6), z: Math.cos(i * i).toFixed(6), group: `g${GROUPS[(i * 35) % N]}`,
    time: 1000 + (((i * 41) % N) >> 1) * 7, own: (i * 5) % 6 + 1,
    label: i % 3 ? "often" : "rare", value: (Math.sin(i) * 10).toFixed(6),
}));

/* Uploads the columns of features, of roles, and the target last. */
async function send(name, target, roles = {}, rows = ROWS) {
    const columns = ["x", "z", ...Object.values(roles), target];
    const query = Object.entries(roles).map(([role, column]) => `&${role}=${column}`).join("");
    const text = [columns, ...rows.map((row) => columns.map((c) => row[c]))]
        .map((cells) => `${cells.join(",")}\n`).join("");
    const answer = await api(daemon.url, `/datasets?name=${name}${query}`,
                             { method: "POST", body: text });

    assert.equal(answer.status, 201, answer.text);
}

before(async () => {
    daemon = await startDaemon();
    await send("plain", "label");
    await send("plain-value", "value");
    await send("short", "label", {}, ROWS.slice(0, 24));
    await send("grouped", "label", { group: "group" });
    await send("grouped-value", "value", { group: "group" });
    await send("timed", "label", { time: "time" });
    await send("folded", "label", { fold: "own" });
    await send("everything", "label", { group: "group", time: "time", fold: "own" });
    await send("grouped-timed", "value", { group: "group", time: "time" });
});
after(async () => { await daemon.stop(); });

/* ---- folds ----------------------------------------------------------------------------------- */

/* One small trial: its experiment, its folds, and for each repeat the fold of every row. */
async function cut(dataset, kind, settings = {}) {
    const made = await submit(daemon.url, {
        dataset, cross_validation: { kind, ...settings },
        space: { layers: 1, width: 2, epochs: 1 } });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.state, "completed");
    const { folds } = (await api(daemon.url, `/experiments/${made.id}/trials/1`)).json;
    const { text } = await api(daemon.url, `/experiments/${made.id}/folds.csv`);
    const [header, ...lines] = text.trimEnd().split("\r\n").map((line) => line.split(","));
    assert.deepEqual(header, ["row", "repeat", "fold"]);
    const repeats = [];
    for (const [row, repeat, fold] of lines) {
        const plan = (repeats[repeat - 1] = repeats[repeat - 1] ?? []);
        assert.equal(plan[row - 1], undefined, `row ${row} is twice in repeat ${repeat}`);
        plan[row - 1] = Number(fold);
    }
    assert.equal(done.progress.folds, folds.length);
    assert.equal(done.progress.folds_done, folds.length);
    return { folds: folds.map((f) => [f.repeat, f.fold]), repeats };
}

/* What [repeat, fold] of trials should be. */
function numbered(repeats, folds) {
    return Array.from({ length: repeats * folds },
                      (_, i) => [Math.floor(i / folds) + 1, (i % folds) + 1]);
}

const rowsOf = (plan, fold) => plan.map((f, i) => (f === fold ? i : -1)).filter((i) => i >= 0);

/* Rows of each fold that `pick` picks. */
function sizes(plan, folds, pick = () => true) {
    return Array.from({ length: folds },
                      (_, k) => rowsOf(plan, k + 1).filter((i) => pick(ROWS[i])).length);
}

const spread = (list) => Math.max(...list) - Math.min(...list);

/* Every row validates once in each repeat. */
function assertCovers(plan, n, folds) {
    assert.equal(plan.length, n);
    assert.ok(plan.every((fold) => Number.isInteger(fold) && fold >= 1 && fold <= folds));
    assert.ok(sizes(plan, folds).every((size) => size > 0));
}

function assertWhole(plan, key) {
    const where = new Map();
    plan.forEach((fold, i) => {
        const first = where.get(ROWS[i][key]) ?? fold;
        where.set(ROWS[i][key], first);
        assert.equal(fold, first, `${key} ${ROWS[i][key]} is in two folds`);
    });
}

test("kfold covers every row once in each repeat, in folds of equal size", async () => {
    for (const dataset of ["plain", "plain-value"]) {
        const { folds, repeats } = await cut(dataset, "kfold", { folds: 7, repeats: 3 });
        assert.deepEqual(folds, numbered(3, 7));
        assert.equal(repeats.length, 3);
        for (const plan of repeats) {
            assertCovers(plan, N, 7);
            assert.ok(spread(sizes(plan, 7)) <= 1);
        }
        assert.notDeepEqual(repeats[0], repeats[1], "every repeat is another one");
    }
});

test("kfold without shuffling cuts the file from its top to its end", async () => {
    const { repeats: [plan] } = await cut("plain", "kfold", { folds: 4, shuffle: false });
    assert.deepEqual(plan, ROWS.map((_, i) => Math.floor((i * 4) / N) + 1));
});

test("stratified_kfold gives each fold its share of each class, to within a row", async () => {
    const { folds, repeats } = await cut("plain", "stratified_kfold", { folds: 5, repeats: 2 });
    assert.deepEqual(folds, numbered(2, 5));
    for (const plan of repeats) {
        assertCovers(plan, N, 5);
        for (const label of ["often", "rare"])
            assert.ok(spread(sizes(plan, 5, (row) => row.label === label)) <= 1, label);
    }
});

test("stratified_kfold of a regression gives each fold low and high targets alike", async () => {
    const { folds, repeats: [plan] } = await cut("plain-value", "stratified_kfold", { folds: 4 });
    assert.deepEqual(folds, numbered(1, 4));
    assertCovers(plan, N, 4);
    const median = ROWS.map((row) => Number(row.value)).sort((a, b) => a - b)[N / 2];
    assert.ok(spread(sizes(plan, 4, (row) => Number(row.value) < median)) <= 2);
});

for (const kind of ["group_kfold", "stratified_group_kfold"])
    test(`${kind} keeps groups whole`, async () => {
        const { folds, repeats } = await cut("grouped", kind, { folds: 4, repeats: 2 });
        assert.deepEqual(folds, numbered(2, 4));
        for (const plan of repeats) {
            assertCovers(plan, N, 4);
            assertWhole(plan, "group");
            assert.ok(spread(sizes(plan, 4)) <= Math.max(...SIZES), `${sizes(plan, 4)}`);
        }
    });

test("leave_one_group_out has a fold for each group", async () => {
    const { folds, repeats: [plan] } = await cut("grouped", "leave_one_group_out");
    assert.deepEqual(folds, numbered(1, 12));
    assertCovers(plan, N, 12);
    assertWhole(plan, "group");
});

for (const settings of [{ folds: 3 }, { folds: 5, gap: 6 }])
    test(`time_series validates on what comes after: ${JSON.stringify(settings)}`, async () => {
        const k = settings.folds;
        const { folds, repeats: [plan] } = await cut("timed", "time_series", settings);
        assert.deepEqual(folds, numbered(1, k));
        assert.equal(plan.length, N);
        assertWhole(plan, "time");
        /* A fold trains on what has a lower number; 0 only trains. */
        for (let fold = 1; fold <= k; fold++) {
            const validation = rowsOf(plan, fold).map((i) => ROWS[i].time);
            const training = ROWS.filter((_, i) => plan[i] < fold).map((row) => row.time);
            assert.ok(validation.length > 0 && training.length > 0);
            assert.ok(Math.max(...training) < Math.min(...validation), `fold ${fold}`);
        }
        assert.ok(spread(sizes(plan, k)) <= 2, "times are whole, two rows each");
    });

test("a gap that leaves nothing to train on is refused", async () => {
    const { status, json } = await api(daemon.url, "/experiments/validate", {
        json: { dataset: "timed", cross_validation: { kind: "time_series", folds: 5, gap: 16 } } });
    assert.equal(status, 422, JSON.stringify(json));
    assert.equal(json.errors[0].pointer, "/cross_validation/gap");
    assert.match(json.errors[0].detail, /gap 16: fold 1 has 16 rows before its validation part/);
});

test("predefined takes the folds of the column", async () => {
    const { folds, repeats: [plan] } = await cut("folded", "predefined");
    assert.deepEqual(folds, numbered(1, 6));
    assert.deepEqual(plan, ROWS.map((row) => row.own));
});

test("shuffle_split and holdout set aside the share that is asked for", async () => {
    for (const [kind, settings, n] of [["shuffle_split", { folds: 6, test_fraction: 0.25 }, 6],
                                       ["holdout", { repeats: 3, test_fraction: 0.25 }, 3],
                                       ["holdout", {}, 1]]) {
        const { folds, repeats } = await cut("plain", kind, settings);
        assert.equal(folds.length, n, kind);
        assert.equal(new Set(repeats.map((plan) => plan.join())).size, n, `${kind}: all differ`);
        for (const plan of repeats) {
            const share = settings.test_fraction ?? 0.2;
            assert.equal(plan.length, N);
            assert.ok(plan.every((fold) => fold === 0 || fold === 1));
            assert.ok(Math.abs(sizes(plan, 1)[0] - share * N) <= 1, `${kind}: ${sizes(plan, 1)}`);
        }
    }
});

test("leave_one_out has a fold for each row", async () => {
    const { folds, repeats: [plan] } = await cut("short", "leave_one_out");
    assert.deepEqual(folds, numbered(1, 24));
    assert.equal(new Set(plan).size, 24);
    assertCovers(plan, 24, 24);
});

test("every kind that the daemon knows is among these", async () => {
    const { cross_validation: kinds } = (await api(daemon.url, "")).json;
    assert.deepEqual(kinds.map((kind) => kind.name).sort(), ["group_kfold", "holdout", "kfold", "leave_one_group_out",
        "leave_one_out", "predefined", "shuffle_split", "stratified_group_kfold",
        "stratified_kfold", "time_series"]);
});

test("the data's columns choose the kind where none is given", async () => {
    for (const [dataset, kind] of [["plain", "stratified_kfold"], ["plain-value", "stratified_kfold"],
                                   ["grouped", "stratified_group_kfold"],
                                   ["grouped-value", "group_kfold"], ["timed", "time_series"],
                                   ["folded", "predefined"], ["everything", "predefined"],
                                   ["grouped-timed", "group_kfold"]]) {
        const { status, json } = await api(daemon.url, "/experiments/validate", { json: { dataset } });
        assert.equal(status, 200, JSON.stringify(json));
        assert.equal(json.definition.cross_validation.kind, kind, dataset);
    }
});

test("a kind whose column the data lacks is refused", async () => {
    for (const [kind, column] of [["group_kfold", "group"], ["stratified_group_kfold", "group"],
                                  ["leave_one_group_out", "group"], ["time_series", "time"],
                                  ["predefined", "fold"]]) {
        const { status, json } = await api(daemon.url, "/experiments/validate",
            { json: { dataset: "plain", cross_validation: { kind } } });
        assert.equal(status, 422, kind);
        assert.equal(json.errors[0].pointer, "/cross_validation/kind");
        assert.match(json.errors[0].detail, new RegExp(`needs a data set with a ${column} column`));
    }
});

/* ---- formats --------------------------------------------------------------------------------- */

/* Files of one upload, options; rows, names of columns, target, task. The table beside the file
 * says what is in it. */
const UPLOADS = [
    ["table.csv", {}, "table.csv", ["p3"], "classification"],
    ["float64.npy", {}, "float64.csv", ["column_4"], "classification"],
    ["float64.npy.gz", {}, "float64.csv", ["column_4"], "classification"],
    ["big_endian.npy", {}, "big_endian.csv", ["column_4"], "classification"],
    ["fortran.npy", { target: "column_1" }, "fortran.csv", ["column_1"], "regression"],
    ["cube.npy", { target: "column_6", task: "regression" }, "cube.csv", ["column_6"], "regression"],
    ["bool.npy", {}, "bool.csv", ["column_4"], "classification"],
    ["record.npy", {}, "record.csv", ["kind"], "classification"],
    ["pair.npz", {}, "pair.csv", ["y"], "classification"],
    ["pair.npz.gz", {}, "pair.csv", ["y"], "classification"],
    ["deflated.npz", {}, "deflated.csv", ["target"], "classification"],
    ["halves.npz", {}, "halves.csv", ["y"], "classification"],
    ["two_targets.npz", {}, "two_targets.csv", ["y_1", "y_2"], "regression"],
    ["table.idx", {}, "table.csv", ["p3"], "classification"],
    ["train-images-idx3-ubyte train-labels-idx1-ubyte", {}, "mnist_train.csv", ["label"],
     "classification"],
    ["train-images-idx3-ubyte.gz train-labels-idx1-ubyte "
     + "t10k-images-idx3-ubyte t10k-labels-idx1-ubyte", {}, "mnist.csv", ["label"], "classification"],
    ["weka.arff", {}, "weka.csv", ["class"], "classification"],
    ["weka.arff.gz", {}, "weka.csv", ["class"], "classification"],
    ["sparse.arff", {}, "sparse.csv", ["class"], "classification"],
    ["one.libsvm", {}, "one.csv", ["label"], "classification"],
    ["one.libsvm.gz", {}, "one.csv", ["label"], "classification"],
    ["zero.svm", {}, "zero.csv", ["label"], "regression"],
];

async function sendForm(files, fields) {
    const form = new FormData();

    for (const [key, value] of Object.entries(fields))
        form.append(key, value);
    for (const file of files)
        form.append("file", new Blob([await readFile(new URL(file, FORMATS))]), file);
    const answer = await api(daemon.url, "/datasets", { method: "POST", body: form });
    assert.equal(answer.status, 201, `${files}: ${answer.text}`);
    return answer.json;
}

/* A cell as GET …/rows writes it; a class is a word, whose number may be spelled 0 or 0.0. */
function assertCell(got, expected, what) {
    if (expected === "")
        assert.equal(got, null, what);
    else if (typeof got === "number" || !Number.isNaN(Number(expected)))
        assert.equal(Number(got), Number(expected), what);
    else
        assert.equal(String(got), expected, what);
}

for (const [number, [files, fields, beside, target, task]] of UPLOADS.entries())
    test(`read as it is meant: ${files} ${Object.values(fields).join(" ")}`.trim(), async () => {
        const made = await sendForm(files.split(" "), { ...fields, name: `format-${number}` });
        const text = (await readFile(new URL(beside, FORMATS), "utf8")).trim();
        const [names, ...rows] = text.split(/\r?\n/).map((line) => line.replace(/"/g, "").split(","));

        assert.equal(made.rows, rows.length);
        assert.deepEqual(made.columns.map((c) => c.name), names);
        assert.deepEqual(made.target, target);
        assert.equal(made.task, task);
        assert.equal(made.features, names.filter((n) => !target.includes(n) && n !== "split").length);
        assert.equal(made.columns.some((c) => c.role === "split"), names.includes("split"));
        const { items } = (await api(daemon.url, `/datasets/${made.id}/rows?limit=100`)).json;
        assert.equal(items.length, rows.length);
        items.forEach((item, i) => names.forEach((name, j) =>
            assertCell(item[name], rows[i][j], `row ${i + 1}, ${name}`)));
    });
