/* Pruners of trials that are trained elsewhere: what clients are answered, and what stays of it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, startDaemon, submit } from "../lib/daemon.mjs";

const run = promisify(execFile);
let daemon;

before(async () => { daemon = await startDaemon(); });
after(async () => { await daemon.stop(); });

const OBJECTIVE = { name: "val_loss", direction: "minimize" };
const STUDY = { space: { x: { min: 0, max: 1 } }, sampler: "tpe", seed: 4 };

/* The calls of one study. */
function study(url, id) {
    const post = (route, json) => api(url, `/experiments/${id}${route}`, { json });
    return {
        id,
        ask: async (json = {}) => (await post("/ask", json)).json.trials,
        report: (trial, step, value) => post(`/trials/${trial}/report`, { step, value }),
        tell: (trial, json) => post(`/trials/${trial}/tell`, json),
        post,
        get: async (route = "") => (await api(url, `/experiments/${id}${route}`)).json,
    };
}

async function begin(url, { objective, ...definition }) {
    const body = { ...STUDY, objective: { ...OBJECTIVE, ...objective }, ...definition };
    return study(url, (await submit(url, body)).id);
}

/* Reports values from step 1 on until it is to stop; after how many it was, 0: never. */
async function stoppedAfter(s, trial, values) {
    for (const [i, value] of values.entries()) {
        const answer = await s.report(trial, i + 1, value);
        assert.equal(answer.status, 200, answer.text);
        if (answer.json.stop)
            return i + 1;
    }
    return 0;
}

async function complete(s, trial, values) {
    assert.equal(await stoppedAfter(s, trial, values), 0);
    assert.equal((await s.tell(trial, { score: values.at(-1) })).json.state, "completed");
}

async function sql(query, db = daemon.db) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query]);
    return stdout ? JSON.parse(stdout) : [];
}

const curve = (first, n) => Array.from({ length: n }, (_, i) => first - i / 100);

/* ---- what they stop -------------------------------------------------------------------------- */

const CASES = [
    ["racing", { folds: 4 }, "raced_out", /^after 1 of 4 folds its chance to beat trial 6 was /],
    ["wilcoxon", { folds: 7 }, "dominated",
     /^after 4 of 7 folds it was worse than trial 6 with p = 0\.062$/],
    ["forgiving", { folds: 4 }, "dominated",
     /^after 1 of 4 folds its mean of 9 was no better than the worst fold of trial 6$/],
    ["median", {}, "dominated",
     /^at step 1 its value of 9 was worse than 1\.05, the median of 6 trials$/],
    ["successive_halving", {}, "dominated",
     /^at step 1 its value of 9 was worse than 0\.9, the last to go on among 7 trials$/],
    ["hyperband", { steps: 9 }, "dominated",
     /^at step [13] its value of [89][.\d]* was worse than [.\d]+, the last to go on among \d trials$/],
];

for (const [kind, objective, reason, sentence] of CASES)
    test(`${kind} lets each better trial go on and stops a bad one`, async () => {
        const s = await begin(daemon.url, { name: kind, objective, pruner: kind });
        const n = objective.folds ?? objective.steps ?? 12;
        await s.ask({ count: 20 });
        for (let trial = 1; trial <= 6; trial++)
            await complete(s, trial, curve(1.4 - trial / 10, n));
        let bad = 7; /* one bracket of hyperband judges nobody before the end */
        while (await stoppedAfter(s, bad, curve(9, n)) === 0)
            bad++;
        const { reports, stop, ...running } = await s.get(`/trials/${bad}`);
        assert.deepEqual([running.state, running.reason], ["running", null]);
        assert.equal(stop.step, reports.length);
        assert.deepEqual((await s.tell(bad, {})).json, { trial: bad, state: "pruned" });
        const trial = await s.get(`/trials/${bad}`);
        assert.deepEqual([trial.state, trial.reason, trial.score], ["pruned", reason, null]);
        assert.match(trial.error, sentence);
        assert.equal((await s.get()).progress.trials_pruned, 1);
    });

test("larger is better where the objective says so", async () => {
    const s = await begin(daemon.url, { objective: { direction: "maximize" },
                                        pruner: { kind: "median", startup_trials: 1 } });
    await s.ask({ count: 3 });
    await complete(s, 1, [0.5, 0.6]);
    assert.equal(await stoppedAfter(s, 2, [0.5, 0.7]), 0);
    assert.equal(await stoppedAfter(s, 3, [0.65, 0.4]), 0, "its best so far is not below 0.6");
    await s.tell(3, { score: 0.4 });
    const [{ trial }] = await s.ask();
    assert.equal(await stoppedAfter(s, trial, [0.3]), 1);
    assert.match((await s.get(`/trials/${trial}`)).stop.error, /its value of 0.3 was worse than 0.5/);
});

test("a stopped trial that goes on to its last fold completes all the same", async () => {
    const s = await begin(daemon.url, { objective: { folds: 3 }, pruner: "forgiving" });
    await s.ask({ count: 3 });
    await complete(s, 1, [1, 1, 1]);
    const answers = [];
    for (const [step, value] of [[1, 2], [2, 0.1], [3, 0.1]])
        answers.push((await s.report(2, step, value)).json.stop);
    assert.deepEqual(answers, [true, true, false]);
    assert.equal((await s.tell(2, { score: 0.7 })).json.state, "completed");
    assert.equal((await s.get()).best.trial, 2);
    assert.equal(await stoppedAfter(s, 3, [2]), 1);
    assert.equal((await s.tell(3, { score: 2 })).json.state, "pruned", "a part's score is none");
    assert.equal((await s.get("/trials/3")).score, null);
});

/* ---- what is refused ------------------------------------------------------------------------- */

test("folds come in order, once, and again only with the same value", async () => {
    const s = await begin(daemon.url, { objective: { folds: 3 }, pruner: "racing" });
    await s.ask({ count: 2 });
    const skipped = await s.report(1, 2, 0.5);
    assert.equal(skipped.status, 409);
    assert.match(skipped.json.detail, /fold 2 comes after fold 1, which was not reported/);
    assert.equal((await s.report(1, 1, 0.5)).status, 200);
    assert.deepEqual((await s.report(1, 1, 0.5)).json, { stop: false });
    const other = await s.report(1, 1, 0.25);
    assert.equal(other.status, 409);
    assert.match(other.json.detail, /step 1 was reported before, with the value 0\.5/);
    for (const [step, detail] of [[0, /folds count from 1/], [4, /step 4 is above objective\.folds, 3/]]) {
        const answer = await s.report(1, step, 0.5);
        assert.equal(answer.status, 422);
        assert.equal(answer.json.errors[0].pointer, "/step");
        assert.match(answer.json.errors[0].detail, detail);
    }
    assert.equal((await s.post("/trials/1/report", { step: 2, value: null })).status, 422);
    assert.equal((await s.tell(1, {})).status, 422, "nothing is said only of a stopped trial");
    assert.deepEqual((await s.get("/trials/1")).reports, [{ step: 1, value: 0.5 }]);
});

test("steps increase, with any gaps", async () => {
    const s = await begin(daemon.url, { objective: { steps: 50 }, pruner: "median" });
    await s.ask();
    for (const step of [3, 10, 10, 3])
        assert.equal((await s.report(1, step, step)).status, 200);
    const back = await s.report(1, 5, 5);
    assert.equal(back.status, 409);
    assert.match(back.json.detail, /step 5 cannot be reported after step 10: steps increase/);
    assert.match((await s.report(1, 51, 1)).json.detail, /step 51 is above objective\.steps, 50/);
});

test("each fault of a pruner has its place", async () => {
    const cases = [
        ["median_", {}, ["/pruner"]],
        ["racing", {}, ["/objective/folds"]],
        ["forgiving", { folds: 1, steps: 4 }, ["/objective/folds", "/objective/steps"]],
        ["median", { folds: 3 }, ["/objective/folds"]],
        ["hyperband", {}, ["/objective/steps"]],
        [{ kind: "hyperband", min_step: 8 }, { steps: 4 }, ["/pruner/min_step"]],
        [{ kind: "median", eta: 3, startup_trials: 0 }, {}, ["/pruner/eta", "/pruner/startup_trials"]],
        [{ kind: "successive_halving", eta: 1.5, min_step: 0 }, {}, ["/pruner/eta", "/pruner/min_step"]],
        [{ kind: "racing", alpha: 2 }, { folds: 3 }, ["/pruner/alpha"]],
        [{ kind: "racing", revisit: true }, { folds: 3 }, ["/pruner/revisit"]],
    ];
    for (const [pruner, objective, pointers] of cases) {
        const { status, json } = await api(daemon.url, "/experiments", {
            json: { ...STUDY, objective: { ...OBJECTIVE, ...objective }, pruner } });
        assert.equal(status, 422);
        assert.deepEqual(json.errors.map((e) => e.pointer), pointers, JSON.stringify(json.errors));
    }
});

test("the service lists the pruners with their settings, and a definition is made complete", async () => {
    const { pruners } = (await api(daemon.url, "")).json.ask_and_tell;
    assert.deepEqual(pruners.map((p) => p.name), CASES.map(([kind]) => kind));
    for (const { name, compares, settings } of pruners) {
        const objective = compares === "folds" ? { folds: 3 } : { steps: 9 };
        const s = await begin(daemon.url, { objective, pruner: name });
        const { definition } = await s.get();
        const defaults = settings.map((p) => [p.name, p.default]);
        assert.deepEqual(definition.pruner, { ...Object.fromEntries(defaults), kind: name });
        const clone = await s.post("/clone", {});
        assert.deepEqual(clone.json.definition.pruner, definition.pruner);
        assert.deepEqual(clone.json.definition.objective, definition.objective);
    }
});

/* ---- what stays ------------------------------------------------------------------------------ */

/* Numbers that look drawn, from 0 to 1. */
const noise = (...names) => names.reduce((h, n) => (h * 31 + n * 7919) % 10007, 17) / 10007;

/* Clients that take turns: each call of move() is one report or tell; `log` has all answers. */
function clients(kind, n) {
    const open = [], log = [];
    let moves = 0;
    return {
        log,
        async move(s) {
            if (open.length < 4) {
                const [{ trial, params }] = await s.ask();
                open.push({ trial, step: 0 });
                log.push(params);
            }
            const i = Math.floor(noise(moves++, 3) * open.length), one = open[i];
            const value = noise(one.trial, 5) + 1 / ++one.step;
            const { json } = await s.report(one.trial, one.step, value);
            log.push([one.trial, one.step, json.stop]);
            if (!json.stop && one.step < n)
                return;
            open.splice(i, 1);
            log.push((await s.tell(one.trial, json.stop ? {} : { score: value })).json);
        },
    };
}

test("after kill -9 every pruner answers as one that never stopped", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-stops-"));
    const db = path.join(folder, "sweepd.db");
    let child = await startDaemon({ db });
    const pairs = [];
    for (const [kind, objective] of CASES) {
        const n = objective.folds ?? objective.steps ?? 5, definition = { objective, pruner: kind };
        pairs.push({ kind, whole: clients(kind, n), cut: clients(kind, n),
                     here: await begin(daemon.url, definition),
                     id: (await begin(child.url, definition)).id });
    }
    for (const moves of [9, 21, 20]) {
        for (const { whole, cut, here, id } of pairs)
            for (let i = 0; i < moves; i++)
                await Promise.all([whole.move(here), cut.move(study(child.url, id))]);
        await child.kill9();
        child = await startDaemon({ db });
    }
    for (const { kind, whole, cut, here, id } of pairs) {
        assert.deepEqual(cut.log, whole.log, kind);
        assert.ok(whole.log.some((x) => x.state === "pruned"), kind);
        const [a, b] = await Promise.all([here, study(child.url, id)].map((s) => s.get("/trials")));
        const plain = ({ started_at, finished_at, ...rest }) => rest;
        assert.deepEqual(b.items.map(plain), a.items.map(plain));
    }
    await child.stop();
    await rm(folder, { recursive: true, force: true });
});

test("reports and stops are in the database, the leaderboard, CSV and the export", async () => {
    const s = await begin(daemon.url, { name: "kept", objective: { folds: 2 }, pruner: "forgiving" });
    await s.ask({ count: 2 });
    await complete(s, 1, [1, 0.5]);
    await stoppedAfter(s, 2, [3]);
    await s.tell(2, { error: "told to stop" });
    assert.deepEqual(await sql(`SELECT pruner FROM experiment_summary WHERE name = 'kept'`),
                     [{ pruner: "forgiving" }]);
    const rows = await sql(`SELECT trial, rank, state, reason, cv_mean, folds_done
                              FROM leaderboard WHERE experiment = 'kept' ORDER BY rank`);
    assert.deepEqual(rows, [
        { trial: 1, rank: 1, state: "completed", reason: null, cv_mean: 0.5, folds_done: 2 },
        { trial: 2, rank: 2, state: "pruned", reason: "dominated", cv_mean: null, folds_done: 1 }]);
    const { text } = await api(daemon.url, `/experiments/${s.id}/trials.csv`);
    assert.match(text, /\r\n2,2,pruned,dominated,,,,1,/);
    const file = path.join(tmpdir(), `sweepd-stops-${process.pid}.db`);
    const exported = await fetch(`${daemon.url}/api/v1/experiments/${s.id}/export.db`);
    await writeFile(file, Buffer.from(await exported.arrayBuffer()));
    for (const [db, id] of [[daemon.db, s.id], [file, s.id]])
        assert.deepEqual(await sql(`SELECT trial, step, value, stop, stop_error FROM trial_reports
                                     WHERE experiment_id = ${id} ORDER BY trial, step`, db), [
            { trial: 1, step: 1, value: 1, stop: 0, stop_error: null },
            { trial: 1, step: 2, value: 0.5, stop: 0, stop_error: null },
            { trial: 2, step: 1, value: 3, stop: 1,
              stop_error: "after 1 of 2 folds its mean of 3 was no better than the worst fold of trial 1" }]);
    await rm(file);
});

/* ---- clients that race and die ----------------------------------------------------------------- */

test("a trial that is handed out again begins with its first fold", async () => {
    const s = await begin(daemon.url, { objective: { folds: 3, lease_seconds: 0.1 }, pruner: "racing",
                                        budget: { trials: 1 } });
    const [first] = await s.ask();
    assert.equal((await s.report(1, 1, 0.5)).status, 200);
    let again;
    while (!(again = await s.ask()))
        await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(again, [{ ...first, lease: 2 }]);
    const old = await s.post("/trials/1/report", { step: 2, value: 0.5, lease: 1 });
    assert.match(old.json.detail, /lease 1 is not the present one, which is 2/);
    assert.equal((await s.report(1, 2, 0.5)).status, 409);
    assert.equal((await s.report(1, 1, 0.75)).status, 200, "another value, since it begins anew");
});

test("a trial that was told to stop is pruned when its client is silent from then on", async () => {
    const s = await begin(daemon.url, { objective: { folds: 2, lease_seconds: 0.1 },
                                        pruner: "forgiving", budget: { trials: 2 } });
    await s.ask({ count: 2 });
    await complete(s, 1, [1, 1]);
    assert.equal(await stoppedAfter(s, 2, [3]), 1);
    while ((await s.get()).state !== "completed") {
        assert.equal(await s.ask(), undefined, "it is not handed out again");
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const trial = await s.get("/trials/2");
    assert.deepEqual([trial.state, trial.reason, trial.lease], ["pruned", "dominated", 1]);
});

test("many clients at once, and trials from before: each trial ends once, as its client was told", async () => {
    const s = await begin(daemon.url, { pruner: "successive_halving", budget: { trials: 50 } });
    const ended = new Map(), steps = new Map();
    async function client() {
        for (let trials; (trials = await s.ask());) {
            const [{ trial, params, lease }] = trials;
            let step = 0, stop = false;
            while (step < 9 && !stop) {
                step++;
                const body = { step, value: params.x + 1 / step, lease };
                const answers = await Promise.all([1, 2].map(() => s.post(`/trials/${trial}/report`, body)));
                assert.deepEqual(answers.map((a) => a.status), [200, 200], answers[1].text);
                assert.deepEqual(answers[0].json, answers[1].json);
                stop = answers[0].json.stop;
            }
            const told = await Promise.all([1, 2].map(() => s.tell(trial, { score: params.x, lease })));
            assert.deepEqual(told.map((t) => t.status).sort(), [200, 409]);
            ended.set(trial, stop ? "pruned" : "completed");
            steps.set(trial, step);
        }
    }
    const before = [0.1, 0.5, 0.9].map((x) => ({ params: { x }, score: x }));
    const [given] = await Promise.all([s.post("/trials", before), ...[1, 2, 3, 4, 5, 6].map(client)]);
    assert.equal(given.status, 201, given.text);
    const { items } = await s.get("/trials?limit=100");
    assert.equal(items.length, 53);
    assert.equal(ended.size, 50);
    for (const { trial, state } of items)
        assert.equal(state, ended.get(trial) ?? "completed");
    const [{ n }] = await sql(`SELECT count(*) AS n FROM trial_reports WHERE experiment_id = ${s.id}`);
    assert.equal(n, [...steps.values()].reduce((sum, k) => sum + k, 0));
    assert.ok([...ended.values()].includes("pruned"));
    assert.equal((await s.get()).state, "completed");
});
