/* POST with an Idempotency-Key: done twice, made once, answered the same; also after kill -9. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);

let daemon;

const TINY = { dataset: "iris", sampler: "grid", space: { width: [2], epochs: 1 }, start: false };
const STUDY = { objective: { name: "loss", direction: "minimize" }, space: { x: { min: 0, max: 1 } },
                budget: { trials: 10 } };

const post = (path, key, json, options = {}) =>
    api(daemon.url, path, { json, ...options,
                            headers: { ...options.headers, "Idempotency-Key": key } });
const count = async () => (await api(daemon.url, "/experiments")).json.total;

function same(a, b) {
    assert.equal(b.status, a.status, b.text);
    assert.equal(b.text, a.text);
    assert.equal(b.headers.get("Location"), a.headers.get("Location"));
    assert.equal(a.headers.get("Idempotency-Replayed"), null);
    assert.equal(b.headers.get("Idempotency-Replayed"), "true");
}

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

test("an experiment that is submitted twice is made once", async () => {
    const before = await count();
    const first = await post("/experiments", "k-1", TINY);
    assert.equal(first.status, 201, first.text);
    await api(daemon.url, `/experiments/${first.json.id}`, { method: "PATCH", json: { name: "other" } });
    same(first, await post("/experiments", "k-1", TINY));
    assert.equal(await count(), before + 1);
    const other = await post("/experiments", "k-2", TINY);
    assert.notEqual(other.json.id, first.json.id);
});

test("a key that was given to another request is refused, which makes nothing", async () => {
    const before = await count();
    for (const [path, json] of [["/experiments", { ...TINY, seed: 2 }], ["/experiments/validate", TINY]]) {
        const answer = await post(path, "k-1", json);
        assert.equal(answer.status, 422, answer.text);
        assert.match(answer.json.detail, /"k-1" was given to another request, POST \/api\/v1\/experiments at/);
    }
    assert.equal(await count(), before);
});

test("what was refused can be asked again under its key", async () => {
    const wrong = await post("/experiments", "k-3", { ...TINY, sampler: "gird" });
    assert.equal(wrong.status, 422);
    assert.equal((await post("/experiments", "k-3", TINY)).status, 201);
});

test("a key has 1 to 255 characters without blanks", async () => {
    for (const key of ["a b", "x".repeat(256)])
        assert.equal((await post("/experiments", key, TINY)).status, 422, key);
    assert.equal((await post("/experiments", "x".repeat(255), TINY)).status, 201);
});

test("an upload, a clone, more trials and an ask are done once too", async () => {
    const body = await readFile(new URL("../data/iris.csv", import.meta.url));
    const upload = () => api(daemon.url, "/datasets?name=again&target=species",
                             { method: "POST", body, headers: { "Idempotency-Key": "k-u" } });
    same(await upload(), await upload());

    const study = await submit(daemon.url, STUDY);
    const at = `/experiments/${study.id}`;
    same(await post(`${at}/clone`, "k-c", {}), await post(`${at}/clone`, "k-c", {}));
    same(await post(`${at}/extend`, "k-e", { trials: 5 }), await post(`${at}/extend`, "k-e", { trials: 5 }));
    assert.equal((await api(daemon.url, at)).json.definition.budget.trials, 15);
    same(await post(`${at}/ask`, "k-a", {}), await post(`${at}/ask`, "k-a", {}));
    assert.equal((await api(daemon.url, `${at}/trials`)).json.total, 1);
    const cancel = () => post(`${at}/cancel`, "k-x", undefined, { method: "POST" });
    same(await cancel(), await cancel());
});

/* A trigger refuses every answer: what is not stored with its answer would be done all the same. */
test("of ask, tell and orders nothing is done whose answer is not stored, and nothing twice", async () => {
    const sql = (text) => run("sqlite3", ["-cmd", ".timeout 10000", daemon.db, text]);
    const { id } = await submit(daemon.url, STUDY);
    const at = `/experiments/${id}`;
    const look = async () => {
        const trials = (await api(daemon.url, `${at}/trials`)).json.items;
        const one = trials.length > 0 ? (await api(daemon.url, `${at}/trials/1`)).json.reports : [];
        return [(await api(daemon.url, at)).json.state, trials.map((t) => [t.trial, t.state, t.score]), one];
    };
    for (const [call, json] of [["ask", { count: 2 }], ["trials/1/report", { step: 1, value: 0.5 }],
                                ["trials/1/tell", { score: 0.25 }], ["trials/2/tell", { error: "no memory" }],
                                ["trials", [{ params: { x: 0.5 }, score: 1 }]], ["pause"], ["resume"], ["cancel"]]) {
        const ask = () => post(`${at}/${call}`, `s-${call}`, json, { method: "POST" });
        const before = await look();
        await sql("CREATE TRIGGER refused BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'refused'); END");
        const refused = await ask();
        assert.ok(refused.status >= 500, `${call}: ${refused.status} ${refused.text}`);
        await sql("DROP TRIGGER refused");
        assert.deepEqual(await look(), before, call);
        const done = await ask(), after = await look();
        assert.ok(done.status < 300, `${call}: ${done.text}`);
        assert.notDeepEqual(after, before, call);
        same(done, await ask());
        assert.deepEqual(await look(), after, call);
    }
});

test("a search is paused, resumed and cancelled once for each key, and answered as it was then", async () => {
    const { id } = await submit(daemon.url, { dataset: "iris", space: { layers: 1, width: 4, epochs: 100000 } });
    const order = (name) => post(`/experiments/${id}/${name}`, `o-${name}`, undefined, { method: "POST" });
    for (const [name, state] of [["pause", "paused"], ["resume", "running"], ["cancel", "cancelled"]]) {
        const first = await order(name);
        assert.deepEqual([first.status, first.json.state], [202, state], first.text);
        same(first, await order(name));
    }
    assert.equal((await order("resume")).json.state, "running", "as it was told then");
    assert.equal((await api(daemon.url, `/experiments/${id}`)).json.state, "cancelled");
});

test("of requests at once with one key one is done, and the others say so or have its answer", async () => {
    const before = await count();
    const answers = await Promise.all(Array.from({ length: 8 }, () => post("/experiments", "k-8", TINY)));
    assert.equal(await count(), before + 1);
    const made = new Set(answers.filter((a) => a.status === 201).map((a) => a.text));
    assert.equal(made.size, 1);
    for (const answer of answers)
        if (answer.status !== 201) {
            assert.equal(answer.status, 409, answer.text);
            assert.match(answer.json.detail, /under way/);
        }
});

test("wherever kill -9 falls, a key stands for one experiment and one answer", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-once-"));
    const db = path.join(folder, "sweepd.db");
    let mortal = await startDaemon({ db });
    await upload(mortal.url, "iris");
    for (let i = 0; i < 4; i++) {
        const ask = () => api(mortal.url, "/experiments",
                              { json: TINY, headers: { "Idempotency-Key": `kill-${i}` } });
        const asked = ask().catch(() => null);
        if (i > 0) /* else the answer comes first */
            await new Promise((resolve) => setTimeout(resolve, i));
        const first = i === 0 ? await asked : null;
        await mortal.kill9();
        const heard = first ?? await asked;
        mortal = await startDaemon({ db });
        const again = await ask();
        assert.equal(again.status, 201, again.text);
        if (heard?.status === 201)
            same(heard, again);
        assert.equal((await api(mortal.url, "/experiments")).json.total, i + 1);
    }
    await mortal.stop();
    await rm(folder, { recursive: true });
});
