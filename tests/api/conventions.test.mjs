/* What holds for every call: methods, ETag, X-Request-Id, problems; and what may be changed. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, until, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
let daemon;
let made;

before(async () => {
    daemon = await startDaemon({ args: ["--log-level", "debug"] });
    await upload(daemon.url, "iris");
    made = await submit(daemon.url, { dataset: "iris", sampler: "grid",
                                      space: { width: [2, 4], epochs: 2 }, priority: -3 });
    await finished(daemon.url, made.id);
});
after(async () => { await daemon.stop(); });

const PATHS = ["", "/datasets", "/datasets/iris", "/datasets/iris/rows", "/experiments",
               "/experiments/1", "/experiments/latest", "/experiments/1/best",
               "/experiments/1/trials", "/experiments/1/trials/1", "/experiments/1/trials/1/curves",
               "/experiments/1/importance", "/experiments/1/folds", "/experiments.txt"];

for (const path of PATHS) {
    test(`HEAD ${path || "/api/v1"} tells what GET does, without the body`, async () => {
        const [got, head] = await Promise.all(["GET", "HEAD"].map((method) =>
            fetch(`${daemon.url}/api/v1${path}`, { method, headers: { "X-Request-Id": "a-1" } })));
        assert.equal(got.status, 200);
        assert.equal(await head.text(), "");
        const told = (r) => [...r.headers].filter(([name]) => !["date", "connection"].includes(name));
        if (path !== "") /* which tells of the machine as it is now */
            assert.deepEqual(told(head), told(got));
        assert.equal(Number(head.headers.get("Content-Length")) > 0, true);
    });

    if (path !== "")
        test(`GET ${path} again is 304 with an ETag that still holds`, async () => {
            const first = await api(daemon.url, path);
            for (const tag of [first.headers.get("ETag"), `"x", W/${first.headers.get("ETag")}`, "*"]) {
                const again = await api(daemon.url, path, { headers: { "If-None-Match": tag } });
                assert.equal(again.status, 304, tag);
                assert.equal(again.text, "");
                assert.equal(again.headers.get("ETag"), first.headers.get("ETag"));
            }
            const other = await api(daemon.url, path, { headers: { "If-None-Match": '"x"' } });
            assert.equal(other.status, 200);
            assert.equal(other.text, first.text);
        });
}

test("a CSV that is streamed has an ETag too, which holds until something is written", async () => {
    const first = await api(daemon.url, "/experiments/1/trials.csv");
    const known = { "If-None-Match": first.headers.get("ETag") };
    const again = await api(daemon.url, "/experiments/1/trials.csv", { headers: known });
    assert.deepEqual([again.status, again.text], [304, ""]);
    assert.equal((await api(daemon.url, "/experiments/1/trials", { headers: known })).status, 200);
    await api(daemon.url, "/experiments/1", { method: "PATCH", json: { notes: "changed" } });
    const changed = await api(daemon.url, "/experiments/1/trials.csv", { headers: known });
    assert.deepEqual([changed.status, changed.text], [200, first.text]);
});

test("what is kept of an answer is forgotten with the next change", async () => {
    const before = await api(daemon.url, "/experiments/1");
    for (const name of ["first", "second"]) {
        await api(daemon.url, "/experiments/1", { method: "PATCH", json: { name } });
        const after = await api(daemon.url, "/experiments/1",
                                { headers: { "If-None-Match": before.headers.get("ETag") } });
        assert.equal(after.status, 200);
        assert.equal(after.json.name, name);
        assert.equal((await api(daemon.url, "/experiments/latest")).json.name, name);
    }
});

test("OPTIONS and 405 tell the methods of a path", async () => {
    const allowed = { "/experiments": "GET, HEAD, POST, DELETE, OPTIONS",
                      "/experiments/1": "GET, HEAD, PATCH, DELETE, OPTIONS",
                      "/experiments.csv": "GET, HEAD, OPTIONS",
                      "/experiments/1/pause": "POST, OPTIONS",
                      "/datasets/iris": "GET, HEAD, PUT, DELETE, OPTIONS" };
    for (const [path, methods] of Object.entries(allowed)) {
        const set = (text) => text.split(", ").sort();
        const options = await api(daemon.url, path, { method: "OPTIONS" });
        assert.equal(options.status, 204);
        assert.deepEqual(set(options.headers.get("Allow")), set(methods), path);
        const wrong = await api(daemon.url, path, { method: path.endsWith("pause") ? "GET" : "PUT",
                                                    body: undefined });
        if (path !== "/datasets/iris") {
            assert.equal(wrong.status, 405, path);
            assert.deepEqual(set(wrong.headers.get("Allow")), set(methods), path);
        }
    }
});

test("a request's id is in the answer, in its problem and in the log; one that is not sane is not taken", async () => {
    const good = await api(daemon.url, "/experiments/77", { headers: { "X-Request-Id": "my-id:7" } });
    assert.equal(good.headers.get("X-Request-Id"), "my-id:7");
    assert.equal(good.json.request_id, "my-id:7");
    const line = /id=my-id:7 method=GET path=\/api\/v1\/experiments\/77 route=\S*{experiment} status=404/;
    await until(() => line.test(daemon.stderr())); /* it is written after the answer */
    const bad = await api(daemon.url, "/experiments/77", { headers: { "X-Request-Id": "a b" } });
    assert.match(bad.headers.get("X-Request-Id"), /^[0-9a-f]{16}$/);
});

/* Method, path, body, headers, the answer's status and what it says. */
const PROBLEMS = [
    ["POST", "/experiments", '{"dataset": "iris",,}', {}, 400, /line 1, column 20/],
    ["POST", "/experiments", '{"seed": 1,\n "seed": 2}', {}, 400, /line 2.*seed|seed.*line 2/],
    ["PATCH", "/experiments/1", '{"name": "a", "name": "b"}', {}, 400, /name/],
    ["POST", "/experiments", "{}", { "Content-Type": "text/xml" }, 415, /application\/json/],
    ["POST", "/datasets", "a,b\n1,2\n", { "Content-Type": "image/png" }, 415, /"image\/png".*text\/csv/],
    ["PUT", "/datasets/x.csv", "a,b\n1,2\n", { "Content-Type": "application/json; charset=utf-8" }, 415, /table/],
    ["POST", "/experiments", `{"notes": "${"x".repeat(2 << 20)}"}`, {}, 413, /larger than 1048576/],
    ["GET", "/experiments/0", undefined, {}, 404, /"0"/],
    ["GET", "/experiments/x", undefined, {}, 404, /"x"/],
    ["GET", "/experiments/1/trials/3", undefined, {}, 404, /no trial 3/],
    ["GET", "/experiments/1%00", undefined, {}, 400, /control/],
    ["GET", "/datasets/%ff", undefined, {}, 400, /UTF-8/],
    ["POST", "/experiments/1/pause", undefined, {}, 409, /has ended/],
    ["POST", "/experiments/1/pause?x=1", undefined, {}, 422, /takes none/],
    ["DELETE", "/datasets/iris", undefined, {}, 409, /used by experiment 1/],
    ["DELETE", "/experiments/1?force=perhaps", undefined, {}, 422, /true or false/],
    ["DELETE", "/experiments/1?forec=true", undefined, {}, 422, /did you mean force/],
    ["GET", "/experiments", undefined, { Host: "evil.example" }, 421, /--allow-host/],
];

for (const [method, path, body, headers, status, says] of PROBLEMS)
    test(`${status}: ${method} ${path} ${String(body).slice(0, 30)}`, async () => {
        const args = ["-sS", "-i", "-X", method, `${daemon.url}/api/v1${path}`];
        for (const [name, value] of Object.entries(headers))
            args.push("-H", `${name}: ${value}`);
        if (body !== undefined)
            args.push("--data-binary", "@-");
        const child = run("curl", args);
        child.child.stdin.end(body);
        const { stdout } = await child;
        const [head, text] = stdout.replace(/^HTTP\/1.1 100 Continue\r\n\r\n/, "").split("\r\n\r\n");
        assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
        assert.match(head, /Content-Type: application\/problem\+json/);
        const problem = JSON.parse(text);
        assert.equal(problem.status, status);
        assert.equal(problem.type, "about:blank");
        assert.equal(problem.instance, `/api/v1${path.split("?")[0]}`);
        assert.ok(problem.title);
        assert.match(JSON.stringify(problem).replaceAll("\\\"", "\""), says);
    });

test("PATCH changes labels alone, says all faults at once, and a clone has the labels", async () => {
    const before = (await api(daemon.url, "/experiments/1")).json;
    const patch = (json) => api(daemon.url, "/experiments/1", { method: "PATCH", json });
    const wrong = await patch({ priority: 11, tags: "x", nmae: "y", name: "" });
    assert.equal(wrong.status, 422);
    assert.deepEqual(wrong.json.errors.map((f) => f.pointer).sort(),
                     ["/name", "/nmae", "/priority", "/tags"]);
    assert.deepEqual((await api(daemon.url, "/experiments/1")).json, before);

    const labels = { name: "größer", notes: "a\nb", tags: ["x", "y"], priority: 5 };
    const after = await patch(labels);
    assert.equal(after.status, 200, after.text);
    assert.deepEqual(after.json, { ...before, ...labels, definition: { ...before.definition, ...labels } });
    assert.deepEqual((await patch({})).json, after.json);
    assert.deepEqual((await patch({ tags: [] })).json.tags, []);
    const copy = await api(daemon.url, "/experiments/1/clone", { json: { start: false } });
    assert.deepEqual([copy.json.notes, copy.json.priority], ["a\nb", 5]);
    assert.equal((await api(daemon.url, "/experiments/99", { method: "PATCH", json: {} })).status, 404);
});

test("a search whose priority is raised while it waits goes before the others", async () => {
    const alike = { dataset: "iris", sampler: "random", cross_validation: "holdout", start: false,
                    space: { width: { min: 10, max: 60 }, epochs: 20 }, budget: { trials: 40 } };
    const [low, usual] = [await submit(daemon.url, { ...alike, priority: -5 }),
                          await submit(daemon.url, { ...alike, seed: 2 })];
    await api(daemon.url, `/experiments/${low.id}`, { method: "PATCH", json: { priority: 5 } });
    for (const { id } of [low, usual])
        await api(daemon.url, `/experiments/${id}/resume`, { method: "POST" });
    const [first, second] = [await finished(daemon.url, low.id), await finished(daemon.url, usual.id)];
    assert.ok(first.finished_at <= second.finished_at, `${first.finished_at}, ${second.finished_at}`);
});
