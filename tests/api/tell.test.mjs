/* Ask and tell: a search for models that are trained elsewhere, by clients that race and die. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
let daemon;

before(async () => { daemon = await startDaemon(); });
after(async () => { await daemon.stop(); });

const OBJECTIVE = { name: "val_loss", direction: "minimize" };
const SPACE = { x: { min: -5, max: 5 }, depth: { type: "int", min: 1, max: 6 },
                kind: ["plain", "fancy"], rate: { min: 1e-4, max: 1, scale: "log" } };
const STUDY = { objective: OBJECTIVE, space: SPACE, sampler: "tpe", seed: 4 };

/* What is minimised: 0 at x 1, depth 3, fancy, rate 0.01. */
function loss(p) {
    return (p.x - 1) ** 2 + (p.depth - 3) ** 2 / 4 + (p.kind === "fancy" ? 0 : 2) +
        (Math.log10(p.rate) + 2) ** 2;
}

/* The calls of one study. */
function study(url, id) {
    const post = (route, json) => api(url, `/experiments/${id}${route}`, { json });
    return {
        id,
        ask: (json = {}) => post("/ask", json),
        tell: (trial, json) => post(`/trials/${trial}/tell`, json),
        report: (trial, json) => post(`/trials/${trial}/report`, json),
        give: (json) => post("/trials", json),
        extend: (trials) => post("/extend", { trials }),
        order: (what) => api(url, `/experiments/${id}/${what}`, { method: "POST" }),
        get: async (route = "") => (await api(url, `/experiments/${id}${route}`)).json,
    };
}

async function begin(url, definition) {
    return study(url, (await submit(url, { ...STUDY, ...definition })).id);
}

async function one(s) {
    const answer = await s.ask();
    assert.equal(answer.status, 201, answer.text);
    return answer.json.trials[0];
}

/* Asks and tells so many trials, one after the other; the params. */
async function steps(s, n) {
    const seen = [];
    for (let i = 0; i < n; i++) {
        const { trial, params } = await one(s);
        seen.push(params);
        assert.equal((await s.tell(trial, { score: loss(params) })).status, 200);
    }
    return seen;
}

async function sql(query, db = daemon.db) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query]);
    return stdout ? JSON.parse(stdout) : [];
}

test("a client searches to the end of the budget and finds the valley", async () => {
    const s = await begin(daemon.url, { name: "elsewhere", budget: { trials: 60 } });
    const before = await s.get();
    assert.equal(before.state, "running");
    assert.equal(before.dataset, null);
    assert.equal(before.metric, "val_loss");
    assert.equal(before.direction, "minimize");
    const params = await steps(s, 60);
    const done = await s.get();
    assert.equal(done.state, "completed");
    assert.equal(done.stop_reason, "trials");
    assert.equal(done.progress.trials_done, 60);
    assert.equal(done.progress.fraction, 1);
    assert.equal(done.best.score, Math.min(...params.map(loss)));
    assert.ok(done.best.score < 1, `the best of 60 is ${done.best.score}`);
    const spent = await s.ask();
    assert.equal(spent.status, 409);
    assert.match(spent.json.detail, /has ended: completed \(trials\)/);
});

test("params keep to the space, and a trial is running until it is told", async () => {
    const s = await begin(daemon.url, {});
    const { json } = await s.ask({ count: 30 });
    assert.deepEqual(json.trials.map((t) => t.trial), [...Array(30).keys()].map((i) => i + 1));
    for (const { params, lease } of json.trials) {
        assert.equal(lease, 1);
        assert.deepEqual(Object.keys(params), ["x", "depth", "kind", "rate"]);
        assert.ok(params.x >= -5 && params.x <= 5);
        assert.ok(Number.isInteger(params.depth) && params.depth >= 1 && params.depth <= 6);
        assert.ok(["plain", "fancy"].includes(params.kind));
        assert.ok(params.rate >= 1e-4 && params.rate <= 1);
    }
    assert.equal((await s.get("/trials/7")).state, "running");
    assert.equal((await s.tell(7, { score: 1 / 3 })).status, 200);
    const told = await s.get("/trials/7");
    assert.equal(told.state, "completed");
    assert.equal(told.score, 1 / 3);
    assert.equal(told.rank, 1);
    assert.equal((await s.tell(8, { error: "out of memory" })).status, 200);
    const failed = await s.get("/trials/8");
    assert.deepEqual([failed.state, failed.reason, failed.error], ["failed", "error", "out of memory"]);

    const again = await s.tell(7, { score: 1 });
    assert.equal(again.status, 409);
    assert.match(again.json.detail, /trial 7 of experiment \d+ has ended: completed/);
    assert.equal((await s.report(7, { step: 1, value: 1 })).status, 409);
    assert.equal((await s.tell(31, { score: 1 })).status, 404);
    assert.equal((await s.tell(9, {})).status, 422);
    assert.equal((await s.tell(9, { score: 1, error: "both" })).status, 422);
    assert.equal((await s.tell(9, { score: "1" })).status, 422);
});

test("clients that race get each trial once, and each tell counts once", async () => {
    const s = await begin(daemon.url, { budget: { trials: 80 } });
    const seen = [];
    let refused = 0;
    async function client() {
        for (;;) {
            const answer = await s.ask();
            if (answer.status !== 201)
                return assert.equal(answer.status, 409, answer.text);
            const { trial, params } = answer.json.trials[0];
            seen.push(trial);
            const told = await Promise.all([1, 2].map(() => s.tell(trial, { score: loss(params) })));
            assert.deepEqual(told.map((t) => t.status).sort(), [200, 409]);
            refused++;
        }
    }
    await Promise.all([1, 2, 3, 4, 5, 6].map(client));
    assert.deepEqual(seen.sort((a, b) => a - b), [...Array(80).keys()].map((i) => i + 1));
    assert.equal(refused, 80);
    const done = await s.get();
    assert.equal(done.state, "completed");
    assert.equal(done.progress.trials_done, 80);
});

test("a trial whose client is silent is handed out again, and its old lease is refused", async () => {
    const s = await begin(daemon.url, { objective: { ...OBJECTIVE, lease_seconds: 4 },
                                        budget: { trials: 2 } });
    const first = await one(s), second = await one(s);
    assert.equal((await s.ask()).status, 409);
    for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1100));
        const answer = await s.report(second.trial, { step: i, value: 1 / (i + 1), lease: 1 });
        assert.deepEqual(answer.json, { stop: false });
    }
    const again = await one(s); /* not the second, which was heard of */
    assert.deepEqual(again, { ...first, lease: 2 });
    for (const old of [await s.tell(1, { score: 3, lease: 1 }),
                       await s.report(1, { step: 1, value: 3, lease: 1 })]) {
        assert.equal(old.status, 409);
        assert.match(old.json.detail, /lease 1 is not the present one, which is 2/);
    }
    assert.equal((await s.tell(1, { score: 3, lease: 2 })).status, 200);
    assert.deepEqual((await s.get("/trials/2")).reports,
                     [0, 1, 2, 3].map((step) => ({ step, value: 1 / (step + 1) })));
    assert.equal((await s.tell(2, { score: 4 })).status, 200);
    assert.equal((await s.get()).state, "completed");
    assert.equal((await s.get("/trials/1")).lease, 2);
});

test("folds that are reported are counted", async () => {
    const s = await begin(daemon.url, { objective: { ...OBJECTIVE, folds: 3 }, budget: { trials: 2 } });
    const { trial } = await one(s);
    assert.equal((await s.get()).progress.folds, 6);
    for (const step of [1, 2, 2])
        await s.report(trial, { step, value: 0.5 });
    assert.equal((await s.get("/trials/1")).folds_done, 2);
    await s.tell(trial, { score: 0.5 });
    assert.equal((await s.get()).progress.folds_done, 3);
});

test("kill -9 loses nothing that was acknowledged, and the sampler goes on as it would have", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-tell-"));
    const db = path.join(folder, "sweepd.db");
    const whole = await steps(await begin(daemon.url, { budget: { trials: 40 } }), 40);
    let child = await startDaemon({ db });
    const { id } = await begin(child.url, { budget: { trials: 40 } });
    const seen = [];
    for (const n of [7, 12, 1]) {
        const s = study(child.url, id);
        seen.push(...await steps(s, n));
        await child.kill9();
        child = await startDaemon({ db });
        assert.equal((await study(child.url, id).get()).progress.trials_done, seen.length);
    }
    const s = study(child.url, id);
    const pending = await one(s);
    await child.kill9();
    child = await startDaemon({ db });
    const later = study(child.url, id);
    seen.push(pending.params);
    assert.equal((await later.tell(pending.trial, { score: loss(pending.params), lease: 1 })).status, 200);
    seen.push(...await steps(later, 19));
    assert.deepEqual(seen, whole);
    assert.equal((await later.get()).state, "completed");
    await child.stop();
    await rm(folder, { recursive: true, force: true });
});

test("trials from before are given, count, teach, and do not use up the budget", async () => {
    const s = await begin(daemon.url, { budget: { trials: 5 }, enqueue: [{ x: 0, depth: 2, kind: "plain", rate: 0.5 }] });
    const old = [...Array(30).keys()].map((i) => {
        const params = { x: -5 + i / 4, depth: 1 + i % 6, kind: i % 2 ? "plain" : "fancy", rate: 0.01 };
        return i === 4 ? { params, error: "it died" } : { params, score: loss(params) };
    });
    const given = await s.give(old);
    assert.equal(given.status, 201, given.text);
    assert.deepEqual(given.json, { first_trial: 1, count: 30 });
    const now = await s.get();
    assert.equal(now.progress.trials, 35);
    assert.equal(now.progress.trials_done, 30);
    assert.equal(now.definition.budget.trials, 35);
    assert.deepEqual((await s.get("/trials/3")).params, old[2].params);
    const first = await one(s);
    assert.equal(first.trial, 31);
    assert.equal(first.params.x, 0, "what was enqueued comes first all the same");
    await s.tell(31, { score: loss(first.params) });
    const learned = await steps(s, 4);
    assert.ok(learned.some((p) => loss(p) < 2), "thirty old trials say where the valley is");
    assert.equal((await s.get()).stop_reason, "trials");
    assert.equal((await s.give(old)).status, 409);
});

test("a given trial outside the space is a fault with its place", async () => {
    const s = await begin(daemon.url, {});
    const good = { x: 1, depth: 2, kind: "plain", rate: 0.1 };
    const bad = await s.give({ trials: [{ params: { ...good, x: 5.5 }, score: 1 },
                                        { params: { ...good, depth: 2.5, kind: "odd" }, score: 1 },
                                        { params: { ...good, y: 1 }, score: 1 },
                                        { params: good }] });
    assert.equal(bad.status, 422);
    assert.deepEqual(bad.json.errors.map((e) => e.pointer),
                     ["/trials/0/params/x", "/trials/1/params/depth", "/trials/1/params/kind",
                      "/trials/2/params/y", "/trials/3"]);
    assert.equal((await s.get()).progress.trials_done, 0);
    assert.equal((await s.give([])).status, 422);
});

test("stop_when ends a study, after the trials that are still out were told", async () => {
    const s = await begin(daemon.url, { stop_when: { target: 0.5 } });
    await s.ask({ count: 3 });
    assert.equal((await s.tell(2, { score: 0.4 })).status, 200);
    const early = await one(s); /* judged in trial order: the first is not told yet */
    assert.equal(early.trial, 4);
    await s.tell(1, { score: 3 });
    const answer = await s.ask();
    assert.equal(answer.status, 409);
    assert.match(answer.json.detail, /stop_when is met; 2 trials are not told yet/);
    await s.tell(3, { error: "gone" });
    assert.equal((await s.get()).state, "running");
    await s.tell(4, { score: 1 });
    const done = await s.get();
    assert.deepEqual([done.state, done.stop_reason, done.best.trial], ["completed", "target", 2]);
});

test("once stop_when is met nobody waits for a client that died", async () => {
    const s = await begin(daemon.url, { objective: { ...OBJECTIVE, lease_seconds: 0.2 },
                                        stop_when: { target: 0.5 } });
    await s.ask({ count: 2 });
    await s.tell(1, { score: 0.1 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await s.ask()).status, 409);
    assert.deepEqual([(await s.get()).state, (await s.get()).stop_reason], ["completed", "target"]);
    const lost = await s.get("/trials/2");
    assert.deepEqual([lost.state, lost.reason], ["cancelled", "budget"]);
});

test("pause, resume, cancel and extend are for studies too", async () => {
    const s = await begin(daemon.url, { budget: { trials: 4 }, start: false });
    assert.match((await s.ask()).json.detail, /is paused/);
    assert.equal((await s.order("resume")).status, 202);
    assert.equal((await s.order("resume")).status, 409);
    const { trial } = await one(s);
    assert.equal((await s.order("pause")).json.state, "paused");
    assert.equal((await s.tell(trial, { score: 1 })).status, 200);
    await s.order("resume");
    await steps(s, 3);
    assert.equal((await s.get()).state, "completed");
    const more = await s.extend(2);
    assert.equal(more.status, 202, more.text);
    assert.deepEqual([more.json.state, more.json.stop_reason, more.json.finished_at],
                     ["running", null, null]);
    await one(s);
    assert.equal((await s.extend(3)).json.progress.trials, 9);
    const cancelled = await s.order("cancel");
    assert.equal(cancelled.json.state, "cancelled");
    assert.deepEqual([(await s.get("/trials/5")).state, (await s.get("/trials/5")).reason],
                     ["cancelled", "user"]);
    assert.match((await s.ask()).json.detail, /has ended: cancelled \(user\)/);
    assert.equal((await s.extend(3)).status, 409);
    const gone = await api(daemon.url, `/experiments/${s.id}`, { method: "DELETE" });
    assert.equal(gone.status, 204);
    assert.equal((await s.ask()).status, 404);
});

test("a study that goes on is deleted only by force", async () => {
    const s = await begin(daemon.url, {});
    await one(s);
    assert.equal((await api(daemon.url, `/experiments/${s.id}`, { method: "DELETE" })).status, 409);
    assert.equal((await api(daemon.url, `/experiments/${s.id}?force=true`, { method: "DELETE" })).status, 204);
    assert.equal((await s.tell(1, { score: 1 })).status, 404);
});

test("an extended study is the one that had the budget from the start", async () => {
    const whole = await steps(await begin(daemon.url, { budget: { trials: 30 } }), 30);
    const s = await begin(daemon.url, { budget: { trials: 17 } });
    const seen = await steps(s, 17);
    await s.extend(13);
    seen.push(...await steps(s, 13));
    assert.deepEqual(seen, whole);
});

test("a grid of anything is handed out once, require is obeyed, and that is the end", async () => {
    const s = await begin(daemon.url, { sampler: "grid", require: ["a <= b"],
                                        space: { a: [1, 2, 3], b: [1, 2, 3], c: "fixed" } });
    const { json } = await s.ask({ count: 50 });
    assert.deepEqual(json.trials.map((t) => [t.params.a, t.params.b, t.params.c]),
                     [[1, 1], [1, 2], [1, 3], [2, 2], [2, 3], [3, 3]].map((p) => [...p, "fixed"]));
    for (const t of json.trials)
        await s.tell(t.trial, { score: t.params.a });
    assert.equal((await s.get()).stop_reason, "space_exhausted");
});

test("what belongs to trainings of ours is refused, each at its place", async () => {
    const answer = await api(daemon.url, "/experiments", {
        json: { ...STUDY, dataset: "iris", metric: "accuracy", cross_validation: { folds: 3 },
                concurrency: 4, budget: { trial_weights: 10 }, require: ["weights <= 10"],
                space: { x: { min: 0, max: 1, per_layer: true }, n: { type: "int", min: 0.5, max: 2 },
                         "": 3 } } });
    assert.equal(answer.status, 422);
    assert.deepEqual(answer.json.errors.map((e) => e.pointer).sort(),
                     ["/budget", "/concurrency", "/cross_validation", "/dataset", "/metric", "/space/",
                      "/space/n/min", "/space/x"]);
    for (const objective of [{ name: "y" }, { direction: "minimize" }, { ...OBJECTIVE, direction: "up" }])
        assert.equal((await api(daemon.url, "/experiments", { json: { ...STUDY, objective } })).status, 422);
    const none = await api(daemon.url, "/experiments", { json: { objective: OBJECTIVE } });
    assert.deepEqual(none.json.errors.map((e) => e.pointer), ["/space"]);
});

test("an experiment that trains its own trials cannot be asked or told", async () => {
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, { dataset: "iris", start: false });
    const s = study(daemon.url, made.id);
    for (const answer of [await s.ask(), await s.tell(1, { score: 1 }), await s.give([{ params: {}, score: 1 }])]) {
        assert.equal(answer.status, 409);
        assert.match(answer.json.detail, /trains its own trials/);
    }
    assert.equal((await study(daemon.url, 9999).ask()).status, 404);
});

test("tables, views and the export show a study like any other search", async () => {
    const s = await begin(daemon.url, { name: "shown", budget: { trials: 3 } });
    const params = await steps(s, 2);
    const { trial } = await one(s);
    await s.report(trial, { step: 1, value: 0.25 });
    await s.tell(trial, { error: "no" });
    const csv = (await api(daemon.url, `/experiments/${s.id}/trials.csv`)).text.split("\r\n");
    assert.equal(csv[0], "trial,rank,state,reason,score,score_std,score_sem,folds_done,weight_count," +
                         "x,depth,kind,rate,seconds");
    assert.match(csv[3], /^3,3,failed,error,,,,1,,/);
    const rows = await sql(`SELECT dataset, trial, metric, direction, cv_mean, layers, optimizer,
                                   weight_count FROM leaderboard WHERE experiment = 'shown'
                             ORDER BY trial`);
    assert.deepEqual(rows[0], { dataset: null, trial: 1, metric: "val_loss", direction: "minimize",
                                cv_mean: loss(params[0]), layers: null, optimizer: null,
                                weight_count: null });
    const file = path.join(tmpdir(), `sweepd-tell-${process.pid}.db`);
    const exported = await fetch(`${daemon.url}/api/v1/experiments/${s.id}/export.db`);
    await writeFile(file, Buffer.from(await exported.arrayBuffer()));
    assert.deepEqual(await sql("SELECT trial, step, value FROM trial_report", file),
                     [{ trial: 3, step: 1, value: 0.25 }]);
    await rm(file);
    assert.equal((await api(daemon.url, `/experiments/${s.id}/folds.csv`)).status, 409);
    assert.equal((await s.order("unseal")).status, 409);
    assert.match((await api(daemon.url, `/experiments/${s.id}/watch`)).text, /val_loss, smaller is best/);
    assert.equal((await api(daemon.url, "/experiments?sort=dataset")).status, 200);
});

test("the README's Python client runs as it stands there", async () => {
    const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
    const [, code] = /```python\n([^]*?)```/.exec(readme);
    const { stdout } = await run("python3", ["-c", code.replace("http://localhost:8642", daemon.url)]);
    assert.match(stdout, /^the best of 40: \{.*\}\n$/);
});
