/* Uploads as people make them, and what the daemon says of files that are broken. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import { api, startDaemon, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const DATA = new URL("../data/", import.meta.url).pathname;
let daemon;

before(async () => { daemon = await startDaemon(); });
after(async () => { await daemon.stop(); });

/* Sends text as a table. */
function send(text, query = "") {
    return api(daemon.url, `/datasets?${query}`, { method: "POST", body: text });
}

async function curl(...args) {
    const { stdout } = await run("curl", ["-sS", ...args]);
    return JSON.parse(stdout);
}

/* From 8.1.0 on curl appends no file name to a URL that has a query: the data set then gets its id
 * for a name. */
async function curlAppendsNames() {
    const { stdout } = await run("curl", ["--version"]);
    const [, major, minor] = /^curl (\d+)\.(\d+)/.exec(stdout).map(Number);
    return major < 8 || (major === 8 && minor < 1);
}

test("the three upload lines of the contract give one and the same data set", async () => {
    const url = `${daemon.url}/api/v1/datasets`;
    const put = await curl("-T", `${DATA}iris.csv`, `${url}/?target=species`);
    assert.equal(put.name, await curlAppendsNames() ? "iris" : `dataset-${put.id}`);
    const named = await curl("-T", `${DATA}iris.csv`, `${url}/iris.csv?target=species`);
    assert.equal(named.name, "iris");
    assert.equal(named.task, "classification");
    assert.equal(named.rows, 150);
    assert.equal(named.features, 4);
    assert.equal(named.encoded_features, 4);
    assert.equal(named.duplicate_rows, 1);
    assert.deepEqual(named.target, ["species"]);
    assert.deepEqual(named.classes, [{ label: "setosa", rows: 50 }, { label: "versicolor", rows: 50 },
                                     { label: "virginica", rows: 50 }]);
    assert.deepEqual(Object.keys(named.columns[0]),
                     ["name", "role", "type", "missing", "distinct", "min", "max", "mean", "std"]);
    assert.equal(named.bytes, 3858);
    assert.match(named.sha256, /^[0-9a-f]{64}$/);
    assert.match(named.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

    const raw = await curl("--data-binary", `@${DATA}iris.csv`, `${url}?name=iris&target=species`);
    const form = await curl("-F", `file=@${DATA}iris.csv`, "-F", "target=species", url);
    const swapped = await curl("-F", "target=species", "-F", `file=@${DATA}iris.csv`, url);
    for (const same of [raw, form, swapped])
        assert.deepEqual(same, named);
});

test("an upload answers 201 with Location, the same again 200", async () => {
    const first = await send("a,b\n1,x\n2,y\n3,x\n", "name=twice");
    assert.equal(first.status, 201);
    assert.equal(first.headers.get("Location"), `/api/v1/datasets/${first.json.id}`);
    const again = await send("a,b\n1,x\n2,y\n3,x\n", "name=twice");
    assert.equal(again.status, 200);
    assert.equal(again.json.id, first.json.id);
    const other = await send("a,b\n1,x\n2,y\n4,x\n", "name=twice");
    assert.equal(other.status, 409);
    assert.match(other.json.detail, /twice/);
});

test("the same upload sent many times at once makes one data set", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () =>
        send("a,b\n1,x\n2,y\n9,x\n", "name=together")));
    assert.deepEqual(answers.map((a) => a.status).slice().sort(), [200, 200, 200, 200, 200, 201]);
    assert.equal(new Set(answers.map((a) => a.json.id)).size, 1);
});

test("a data set is found by id and by name, and listed", async () => {
    const made = (await send("a,b\n1,x\n2,y\n3,x\n", "name=found")).json;
    assert.deepEqual((await api(daemon.url, "/datasets/found")).json, made);
    assert.deepEqual((await api(daemon.url, `/datasets/${made.id}`)).json, made);
    const list = (await api(daemon.url, "/datasets?limit=1")).json;
    assert.equal(list.items.length, 1);
    assert.ok(list.total >= 2);
    const second = (await fetch(daemon.url + list.next).then((r) => r.json())).items;
    assert.ok(second.length >= 1 && second[0].id > list.items[0].id);
    assert.equal((await api(daemon.url, "/datasets/nothing")).status, 404);
});

test("the first rows come back as they were sent", async () => {
    await send("x,color,y\n1.5,red,yes\n,blue,no\n-2e3,,yes\n4,red,no\n", "name=rows");
    const rows = (await api(daemon.url, "/datasets/rows/rows?limit=3")).json;
    assert.deepEqual(rows.items, [{ x: 1.5, color: "red", y: "yes" },
                                  { x: null, color: "blue", y: "no" },
                                  { x: -2000, color: null, y: "yes" }]);
    assert.equal(rows.total, 4);
});

test("Windows line ends, a byte order mark, semicolons and decimal commas are understood", async () => {
    const answer = await send("\ufeffa;b;t\r\n1,5;2;x\r\n2,5;3;y\r\n3,5;4;x\r\n", "name=windows");
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json.columns[0].name, "a");
    assert.equal(answer.json.columns[0].mean, 2.5);
});

test("gzip, tabs and columns of blanks are understood", async () => {
    const table = "a\tb\tt\n1\t2\tx\n2\t3\ty\n3\t5\tx\n";
    const packed = await send(gzipSync(table), "name=packed");
    assert.equal(packed.status, 201, packed.text);
    assert.equal(packed.json.columns[1].max, 5);
    const blanks = await send("# a b t\n 1.0   2.0 0.5\n 1.5   2.5 0.7\n 2.0D0 3.0 0.9\n", "name=blanks");
    assert.equal(blanks.status, 201, blanks.text);
    assert.deepEqual(blanks.json.columns.map((c) => c.name), ["a", "b", "t"]);
    assert.equal(blanks.json.columns[0].max, 2);
});

test("several targets make a regression with several outputs", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `${i},${i * 2 + 0.5},${i * 3 + 0.25}`);
    const answer = await send(`x,u,v\n${rows.join("\n")}\n`, "name=several&target=u,v");
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json.task, "regression");
    assert.deepEqual(answer.json.target, ["u", "v"]);
});

/* An IDX array of bytes: two zeros, the type, the dimensions, then the values. */
function idx(shape, value) {
    const head = Buffer.alloc(4 + 4 * shape.length);

    head.writeUInt8(0x08, 2);
    head.writeUInt8(shape.length, 3);
    shape.forEach((n, k) => head.writeUInt32BE(n, 4 + 4 * k));
    return Buffer.concat([head, Buffer.from(Array.from({ length: shape.reduce((a, b) => a * b) },
                                                       (_, i) => value(i)))]);
}

/* Writes files into a folder of their own and sends them by curl, each as a part "file". */
async function sendFiles(files, ...more) {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-test-"));
    const parts = [];

    try {
        for (const [name, bytes] of files) {
            await writeFile(path.join(folder, name), bytes);
            parts.push("-F", `file=@${path.join(folder, name)}`);
        }
        return await curl(...parts, ...more, `${daemon.url}/api/v1/datasets`);
    } finally {
        await rm(folder, { recursive: true });
    }
}

test("images and labels come as two files of one form", async () => {
    const images = gzipSync(idx([12, 2, 3], (i) => (i * 37) % 256));
    const labels = gzipSync(idx([12], (i) => i % 3));
    const files = [["train-images-idx3-ubyte.gz", images], ["train-labels-idx1-ubyte.gz", labels]];
    const made = await sendFiles(files);
    assert.equal(made.name, "train-images-idx3-ubyte", JSON.stringify(made));
    assert.equal(made.rows, 12);
    assert.equal(made.features, 6);
    assert.equal(made.columns.length, 7);
    assert.deepEqual(made.target, ["label"]);
    assert.equal(made.task, "classification");
    assert.deepEqual(made.classes, ["0", "1", "2"].map((label) => ({ label, rows: 4 })));
    assert.equal(made.bytes, images.length + labels.length);
    const rows = (await api(daemon.url, `/datasets/${made.id}/rows?limit=2`)).json.items;
    assert.deepEqual(Object.values(rows[1]).slice(0, 6), [222, 3, 40, 77, 114, 151]);

    assert.deepEqual(await sendFiles(files), made, "the same files again");
    const other = [files[0], ["train-labels-idx1-ubyte.gz", gzipSync(idx([12], (i) => (i + 1) % 3))]];
    assert.equal((await sendFiles(other)).status, 409, "the second file counts, too");
});

test("images and labels of a training and a test set come as four files", async () => {
    const set = (name, n) => [[`${name}-images-idx3-ubyte`, idx([n, 2, 2], (i) => (i * 41) % 256)],
                              [`${name}-labels-idx1-ubyte`, idx([n], (i) => i % 2)]];
    const made = await sendFiles([...set("train", 8), ...set("t10k", 4)], "-F", "name=both");
    assert.equal(made.name, "both", JSON.stringify(made));
    assert.equal(made.rows, 12);
    assert.equal(made.features, 4);
    const swapped = await sendFiles([...set("t10k", 8), ...set("train", 4)], "-F", "name=swapped");
    assert.notEqual(swapped.sha256, made.sha256, "names tell a training set from a test set");
});

test("a single file keeps the hash of its bytes", async () => {
    const text = "a,t\n1,x\n2,y\n7,x\n";
    const made = await sendFiles([["hashed.csv", text]]);
    assert.equal(made.sha256, createHash("sha256").update(text).digest("hex"));
});

test("five files, and two that make no table together, are refused in words", async () => {
    const table = "a,t\n1,x\n2,y\n3,x\n";
    const five = await sendFiles(Array.from({ length: 5 }, (_, i) => [`${i}.csv`, table]));
    assert.equal(five.status, 422);
    assert.match(five.detail, /a form carries at most 4 files/);
    const two = await sendFiles([["a.csv", table], ["b.csv", table]]);
    assert.equal(two.status, 422, JSON.stringify(two));
    assert.match(two.detail, /files/);
});

const BROKEN = [
    ["a word among numbers", "a,b,t\n1,2,x\n3,abc,y\n", "numeric=b",
     /line 3, column 2 "b": expected a number, got "abc"/],
    ["a ragged row", "a,b,t\n1,2,x\n3,4\n", "", /line 3, column 3 "t": expected 3 cells/],
    ["an open quote", 'a,t\n1,"x\n2,y\n', "", /line 2.*quote/],
    ["no rows", "a,b\n", "", /no rows/],
    ["two columns of one name", "a,a,t\n1,2,x\n2,3,y\n", "", /"a"/],
    ["one class", "a,t\n1,x\n2,x\n", "", /class/],
    ["infinity", "a,t\n1,x\ninf,y\n2,x\n", "numeric=a", /line 3, column 1 "a"/],
    ["bytes that are no UTF-8", Buffer.from("a,t\n1,caf\xe9\n2,y\n", "latin1"), "", /line 2.*UTF-8/],
    ["no such target", "a,t\n1,x\n2,y\n", "target=nothing", /nothing/],
    ["an unknown option", "a,t\n1,x\n2,y\n", "tarket=t", /tarket.*target/],
    ["an unknown format", "a,t\n1,x\n2,y\n", "format=xlsx", /not in this build; known: csv, tsv, npy/],
    ["a name of digits", "a,t\n1,x\n2,y\n", "name=123", /name "123"/],
    ["negative weights", "a,w,t\n1,1,x\n2,-1,y\n", "weight=w", /line 3, column 2 "w"/],
    ["a word in split", "a,s,t\n1,train,x\n2,tset,y\n", "split=s", /line 3, column 2 "s"/],
    ["half a gzip", gzipSync("a,t\n1,x\n2,y\n").subarray(0, 20), "", /gzip/],
    ["nothing at all", "", "", /empty/],
];

for (const [what, text, query, message] of BROKEN)
    test(`broken table: ${what}`, async () => {
        const before = (await api(daemon.url, "/datasets")).json.total;
        const answer = await send(text, query);
        assert.equal(answer.status, 422, answer.text);
        assert.equal(answer.headers.get("Content-Type"), "application/problem+json");
        assert.match(answer.text.replaceAll('\\"', '"'), message);
        assert.equal((await api(daemon.url, "/datasets")).json.total, before, "nothing is stored");
    });

test("a data set that an experiment uses is not deleted, another is", async () => {
    await upload(daemon.url, "diabetes");
    const made = await api(daemon.url, "/experiments", { json: { dataset: "diabetes", start: false } });
    assert.equal(made.status, 201, made.text);
    const refused = await api(daemon.url, "/datasets/diabetes", { method: "DELETE" });
    assert.equal(refused.status, 409);
    assert.match(refused.json.detail, new RegExp(`${made.json.id}`));
    await send("a,t\n1,x\n2,y\n3,x\n", "name=spare");
    assert.equal((await api(daemon.url, "/datasets/spare", { method: "DELETE" })).status, 204);
    assert.equal((await api(daemon.url, "/datasets/spare")).status, 404);
});

test("the data that the project ships is read as its README says", async () => {
    const shapes = { iris: [150, 4, "classification"], digits: [1797, 64, "classification"],
                     breast_cancer: [569, 30, "classification"], diabetes: [442, 10, "regression"] };
    for (const [name, [rows, features, task]] of Object.entries(shapes)) {
        const text = await readFile(`${DATA}${name}.csv`);
        const { json } = await api(daemon.url, `/datasets?name=shipped-${name}`,
                                   { method: "POST", body: text });
        assert.equal(json.rows, rows, name);
        assert.equal(json.task, task, name);
        assert.equal(json.columns.filter((c) => c.role !== "target").length, features, name);
    }
});
