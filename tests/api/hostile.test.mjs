/*
 * Requests that mean harm, to the real daemon over a socket: each is refused in words, nothing that
 * it hides is served, and whoever asks next is answered.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import net from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { api, startDaemon, upload } from "../lib/daemon.mjs";

const IRIS = await readFile(new URL("../data/iris.csv", import.meta.url), "latin1");

let daemon;

before(async () => {
    daemon = await startDaemon({ args: ["--memory", "64M", "--threads", "1"] });
    await upload(daemon.url, "iris");
});
after(async () => {
    const { status, json } = await api(daemon.url, "/datasets");
    assert.equal(status, 200);
    assert.deepEqual(json.items.map((set) => set.name), ["iris"], "nothing else was stored");
    await daemon.stop();
});

/* Sends pieces one after the other and gives all that comes until the daemon closes. */
function ask(...pieces) {
    const { hostname, port } = new URL(daemon.url);

    return new Promise((resolve) => {
        const socket = net.connect(Number(port), hostname);
        let answer = "";
        const end = () => { socket.destroy(); resolve(answer); };
        socket.setNoDelay(true);
        socket.on("data", (bytes) => { answer += bytes.toString("latin1"); });
        socket.on("error", end); /* it was closed while more was sent */
        socket.on("close", end);
        const next = () => {
            const piece = pieces.shift();
            if (piece !== undefined)
                socket.write(piece, next);
        };
        next();
    });
}

const statuses = (answer) => [...answer.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map((m) => Number(m[1]));

/* One answer, with one of these statuses. Who sends more than is read may be cut before it comes. */
function expect(answer, allowed, { mayBeCut = false } = {}) {
    const got = statuses(answer);
    assert.ok(got.length === 1 || (mayBeCut && got.length === 0), answer.slice(0, 500));
    assert.ok(got.every((status) => allowed.includes(status)), answer.slice(0, 500));
}

const CLOSE = "Host: localhost\r\nConnection: close\r\n";
const post = (path, headers, body) => ask(`POST ${path} HTTP/1.1\r\n${CLOSE}${headers}\r\n\r\n`, body);
const withLength = (path, body) => post(path, `Content-Length: ${Buffer.byteLength(body)}`, body);

/* ---- JSON ---- */

for (const [what, body, status, words] of [
    ["brackets without end", "[".repeat(900000), 400, /levels of nesting/],
    ["objects in objects", '{"a":'.repeat(150000), 400, /levels of nesting/],
    ["values without end", `[${"0,".repeat(500000)}0]`, 413, /more than \d+ values/],
    ["names without end", `{${Array.from({ length: 60000 }, (_, i) => `"${i}":0`)}}`, 413, /more than \d+ values/],
    ["faults without end", `{"dataset": "iris", ${Array.from({ length: 20000 }, (_, i) => `"k${i}":0`)}}`, 422, /unknown key/],
    ["a number of a million digits", `{"seed": 1${"0".repeat(1000000)}}`, 400, /too large/],
    ["a text of a million letters", `{"dataset": "${"a".repeat(1000000)}"}`, 422, /dataset/],
    ["choices without end", `{"dataset": "iris", "space": {"width": [${Array.from({ length: 20000 }, (_, i) => i + 1)}]}}`,
     422, /width/],
    ["a grid of more than there are atoms",
     `{"dataset": "iris", "sampler": "grid", "space": {${["learning_rate", "l1", "l2", "dropout", "momentum"]
         .map((name) => `"${name}": {"min": 0.1, "max": 0.5, "points": 1000}`)}, "optimizer": "sgd"}}`, 422, /grid/],
])
    test(`JSON: ${what}`, async () => {
        const answer = await withLength("/api/v1/experiments", body);
        expect(answer, [status]);
        assert.match(answer, words);
        assert.ok(answer.length < 1 << 20, `the answer has ${answer.length} bytes`);
    });

/* ---- headers and paths ---- */

const get = (path, headers = "") => ask(`GET ${path} HTTP/1.1\r\n${CLOSE}${headers}\r\n`);

for (const [what, request, allowed] of [
    ["a JSON text of more than a mebibyte",
     () => withLength("/api/v1/experiments", `{"notes": "${"a".repeat(1 << 20)}"}`), [413]],
    ["a header of a mebibyte", () => get("/api/v1", `X: ${"y".repeat(1 << 20)}\r\n`), [431]],
    ["headers without end", () => get("/api/v1", "X: y\r\n".repeat(200000)), [431]],
    ["a path of a mebibyte", () => get(`/${"a".repeat(1 << 20)}`), [414]],
])
    test(`too much: ${what}`, async () => expect(await request(), allowed, { mayBeCut: true }));

for (const [what, request, allowed] of [
    ["two hundred headers", () => get("/api/v1", "X: y\r\n".repeat(200)), [431]],
    ["a path of a thousand segments", () => get("/a".repeat(1000)), [400]],
    ["three hundred parameters", () => get(`/api/v1/datasets?${"a=b&".repeat(300)}`), [400]],
    ["dots", () => get("/../../../etc/passwd"), [400]],
    ["escaped dots", () => get("/%2e%2e/%2e%2e/etc/passwd"), [400]],
    ["dots with an escaped slash", () => get("/..%2f..%2fetc%2fpasswd"), [404]],
    ["a NUL in the path", () => get("/index.html%00.txt"), [400]],
    ["bad UTF-8 in the path", () => get("/%ff"), [400]],
    ["two slashes", () => get("//etc/passwd"), [404]],
    ["a backslash", () => get("/..\\etc"), [404]],
    ["another host's URL", () => get("http://evil/api/v1"), [400]],
    ["a name that is SQL", () => get("/api/v1/datasets/iris'%3B%20DROP%20TABLE%20dataset%3B--"), [404]],
])
    test(`path and headers: ${what}`, async () => {
        const answer = await request();
        expect(answer, allowed);
        assert.doesNotMatch(answer, /root:/);
    });

/* ---- requests in requests ---- */

const HIDDEN = "DELETE /api/v1/datasets/iris HTTP/1.1\r\nHost: localhost\r\n\r\n";
const START = "POST /api/v1/experiments/validate HTTP/1.1\r\nHost: localhost\r\n";

for (const [what, headers, body] of [
    ["two lengths", `Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n`, ""],
    ["length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"],
    ["chunks and length", `Transfer-Encoding: chunked\r\nContent-Length: ${5 + HIDDEN.length}\r\n`, "0\r\n\r\n"],
    ["a folded length", `Content-Length: 0\r\n ${HIDDEN.length}\r\n`, ""],
    ["a folded header", `X: y\r\n z\r\nContent-Length : ${HIDDEN.length}\r\n`, ""],
    ["a length behind a bare LF", `X: y\nContent-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n`, ""],
    ["a length behind a bare CR", `X: y\rContent-Length: ${HIDDEN.length}\r\nContent-Length: 0\r\n`, ""],
    ["an encoding that is none", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"],
    ["a chunk whose size is a lie", "Transfer-Encoding: chunked\r\n", `-1\r\n\r\n`],
    ["a chunk of more than there can be", "Transfer-Encoding: chunked\r\n", `fffffffffffffffff\r\n{}`],
])
    test(`smuggling: ${what}`, async () => {
        const answer = await ask(`${START}${headers}\r\n${body}${HIDDEN}`);
        assert.ok(statuses(answer).every((status) => status === 400 || status === 413), answer.slice(0, 500));
        assert.equal((await api(daemon.url, "/datasets/iris")).status, 200);
    });

/* ---- tables ---- */

for (const [what, body, allowed, words] of [
    ["a line of five million columns", `${"a,".repeat(5e6)}a\n`, [413, 422], /columns|bytes|line/],
    ["a cell of ten megabytes", `x,y\n${"a".repeat(1e7)},b\n`, [413, 422], /bytes|line|column/],
    ["a quote that is never closed", `x,y\n"${"a\n".repeat(1e6)}`, [413, 422], /line/],
    ["64 mebibytes of zeros, packed", gzipSync(Buffer.alloc(1 << 26)), [413, 422], /./],
    ["an array that says it has 2^60 rows",
     Buffer.concat([Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1"),
                    Buffer.from("{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976, 3), }"
                        .padEnd(117) + "\n")]), [413, 422], /./],
])
    test(`tables: ${what}`, async () => {
        const answer = await withLength("/api/v1/datasets?name=bomb", body);
        expect(answer, allowed);
        assert.match(answer, words);
    });

/* ---- a byte at a time ---- */

const chunked = (text) => [...Buffer.from(text)].map((byte) =>
    Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")]));
const head = (method, path, headers) => `${method} ${path} HTTP/1.1\r\n${CLOSE}${headers}\r\n\r\n`;

test("a definition in chunks of a byte, each sent alone, is read like any other", async () => {
    const text = '{"dataset": "iris", "budget": {"trials": 2}, "notes": "é"}';
    const answer = await ask(head("POST", "/api/v1/experiments/validate", "Transfer-Encoding: chunked"),
                             ...chunked(text), "0\r\n\r\n");
    expect(answer, [200]);
    assert.match(answer, /"notes": "\xc3\xa9"/);
});

test("a form that comes byte by byte is taken apart like any other", async () => {
    const form = `--b\r\nContent-Disposition: form-data; name="name"\r\n\r\ndrip\r\n` +
        `--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n${IRIS}\r\n--b--\r\n`;
    const bytes = [...Buffer.from(form)].map((byte) => Buffer.from([byte]));
    const answer = await ask(head("POST", "/api/v1/datasets",
                                  `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${bytes.length}`),
                             ...bytes);
    expect(answer, [201]);
    const { json } = await api(daemon.url, "/datasets/drip");
    assert.equal(json.rows, 150);
    assert.equal((await api(daemon.url, "/datasets/drip", { method: "DELETE" })).status, 204);
});

test("a request line and headers that come byte by byte are a request", async () => {
    const bytes = [...Buffer.from(`GET /healthz HTTP/1.1\r\n${CLOSE}\r\n`)].map((byte) => Buffer.from([byte]));
    expect(await ask(...bytes), [200]);
});

test("what an answer quotes of a long name in part is UTF-8 all the same", async () => {
    for (const long of ["é".repeat(90), `x${"é".repeat(90)}`, `xx${"😀".repeat(50)}`]) {
        const asked = await fetch(`${daemon.url}/api/v1/datasets?target=${encodeURIComponent(long)}`,
                                  { method: "POST", body: IRIS });
        assert.equal(asked.status, 422);
        const text = new TextDecoder("utf-8", { fatal: true }).decode(await asked.arrayBuffer());
        assert.match(JSON.parse(text).detail, /no such column/);
    }
});
