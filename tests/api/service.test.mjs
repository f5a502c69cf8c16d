/* The service around the search: what it says of itself, and how it answers what it cannot do. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, startDaemon, submit, until, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const BINARY = process.env.SWEEPD ?? "build/sweepd";
let daemon;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

test("/api/v1 tells what the build is and every name that it knows", async () => {
    const { json } = await api(daemon.url, "");
    assert.equal(json.name, "sweepd");
    assert.equal(json.database.path, daemon.db);
    const [, minor, patch] = json.libraries.sqlite.split(".").map(Number);
    const isMended = minor > 51 || (minor === 51 && patch >= 3) || (minor === 50 && patch >= 7) ||
        (minor === 44 && patch >= 6);
    assert.equal(json.database.has_wal_reset_bug, !isMended);
    assert.ok(json.threads >= 1 && json.cores >= 1);
    assert.equal(json.activations.length, 13);
    const names = (list) => list.map((item) => item.name);
    assert.ok(names(json.optimizers).includes("adamw") && names(json.schedules).includes("one_cycle"));
    assert.deepEqual(names(json.samplers), ["auto", "grid", "random", "sobol", "tpe", "gp", "cma_es"]);
    const rate = json.hyperparameters.find((h) => h.name === "learning_rate");
    assert.deepEqual(Object.keys(rate).slice(0, 4), ["name", "description", "type", "default"]);
    const lists = [...Object.values(json).filter(Array.isArray),
                   json.ask_and_tell.objective, json.ask_and_tell.pruners];
    const settings = lists.flat().flatMap((item) => item.settings ?? []);
    assert.equal(lists.length, 16);
    for (const item of [...lists.flat(), ...settings])
        assert.ok(item.name && item.description.length > 3, JSON.stringify(item));
    for (const item of [...json.hyperparameters, ...json.budgets, ...settings])
        assert.ok(item.type && item.default !== undefined &&
                  (!["integer", "number"].includes(item.type) || item.max > item.min), JSON.stringify(item));
});

test("/healthz and /readyz say ok", async () => {
    for (const path of ["/healthz", "/readyz"])
        assert.equal(await fetch(daemon.url + path).then((r) => r.text()), "ok\n");
});

test("the page and its files are served with a strict policy", async () => {
    const page = await fetch(`${daemon.url}/`);
    assert.match(page.headers.get("Content-Type"), /^text\/html/);
    assert.match(page.headers.get("Content-Security-Policy"), /default-src 'none'/);
    assert.equal((await fetch(`${daemon.url}/app.js`)).headers.get("Content-Type"),
                 "text/javascript; charset=utf-8");
    assert.equal((await fetch(`${daemon.url}/secret`)).status, 404);
});

test("an unknown path is a problem document with 404, a wrong method 405 with Allow", async () => {
    const lost = await api(daemon.url, "/nothing");
    assert.equal(lost.status, 404);
    assert.deepEqual(Object.keys(lost.json).slice(0, 4), ["type", "title", "status", "detail"]);
    assert.equal(lost.json.instance, "/api/v1/nothing");
    const wrong = await api(daemon.url, "/datasets/iris", { method: "POST", body: "x" });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    const missing = await api(daemon.url, "/experiments/99");
    assert.equal(missing.status, 404);
    assert.match(missing.json.detail, /99/);
});

test("HEAD answers without a body, OPTIONS with Allow, and ETag saves a second body", async () => {
    const head = await fetch(`${daemon.url}/api/v1/datasets`, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
    const options = await fetch(`${daemon.url}/api/v1/datasets`, { method: "OPTIONS" });
    assert.match(options.headers.get("Allow"), /GET.*POST|POST.*GET/);
    const first = await fetch(`${daemon.url}/api/v1/datasets`);
    const again = await fetch(`${daemon.url}/api/v1/datasets`,
                              { headers: { "If-None-Match": first.headers.get("ETag") } });
    assert.equal(again.status, 304);
});

/* Each with the place of the fault and what is said of it. */
const space = (s) => ({ dataset: "iris", space: s });
const FAULTS = [
    [{}, "/dataset", /dataset/],
    [{ dataset: "none" }, "/dataset", /none/],
    [{ dataset: "iris", sampler: "gird" }, "/sampler", /grid/],
    [{ dataset: "iris", sampler: 3 }, "/sampler", /./],
    [{ dataset: "iris", pruner: "medium" }, "/pruner", /known: none, racing/],
    [{ dataset: "iris", pruner: { kind: "racing", alpha: -1 } }, "/pruner/alpha", /-1 is below 0/],
    [{ dataset: "iris", pruner: "racing", cross_validation: "holdout" }, "/pruner", /a holdout has one/],
    [{ dataset: "iris", metric: "roc_aux" }, "/metric", /did you mean "roc_auc"/],
    [{ dataset: "iris", metric: "rmse" }, "/metric", /classification/],
    [{ dataset: "iris", seed: -1 }, "/seed", /-1/],
    [{ dataset: "iris", seed: 1.5 }, "/seed", /1\.5/],
    [{ dataset: "iris", sead: 1 }, "/sead", /seed/],
    [{ dataset: "iris", budget: { trials: 0 } }, "/budget/trials", /0/],
    [{ dataset: "iris", budget: { trails: 5 } }, "/budget/trails", /trials/],
    [{ dataset: "iris", concurrency: 0 }, "/concurrency", /0/],
    [{ dataset: "iris", precision: "bf16" }, "/precision", /not in this build/],
    [{ dataset: "iris", cross_validation: { kind: "group_kfold" } }, "/cross_validation/kind", /needs a data set with a group column/],
    [{ dataset: "iris", cross_validation: { folds: 1 } }, "/cross_validation/folds", /1/],
    [{ dataset: "iris", cross_validation: { folds: 1000 } }, "/cross_validation/folds", /1000|150/],
    [{ dataset: "iris", cross_validation: { kind: "holdout", test_fraction: 1.5 } }, "/cross_validation/test_fraction", /1\.5/],
    [{ dataset: "iris", require: ["width >"] }, "/require/0", /expected a name or a number at character 8/],
    [{ dataset: "iris", tags: "one" }, "/tags", /./],
    [{ dataset: "iris", priority: 11 }, "/priority", /11/],
    [{ dataset: "iris", start: "yes" }, "/start", /true|bool/],
    [space({ layers: -1 }), "/space/layers", /-1/],
    [space({ layers: 1.5 }), "/space/layers", /1\.5/],
    [space({ width: [] }), "/space/width", /./],
    [space({ width: [32, 32] }), "/space/width/1", /twice/],
    [space({ width: [32, "wide"] }), "/space/width/1", /wide/],
    [space({ width: { min: 8, max: 4 } }), "/space/width", /8.*4|4.*8/],
    [space({ widht: 8 }), "/space/widht", /width/],
    [space({ activation: "rleu" }), "/space/activation", /relu/],
    [space({ optimizer: "lfbgs" }), "/space/optimizer", /did you mean .*lbfgs/],
    [space({ dropout: 1.5 }), "/space/dropout", /1\.5 is above 1/],
    [space({ early_stopping: true }), "/space/early_stopping", /an integer or false/],
    [space({ schedule: "sine" }), "/space/schedule", /known: constant, step/],
    [space({ learning_rate: 0 }), "/space/learning_rate", /0/],
    [space({ learning_rate: { min: 0, max: 1, scale: "log" } }), "/space/learning_rate/min", /0/],
    [space({ learning_rate: { min: 1e-4, max: 1, scale: "lag" } }), "/space/learning_rate/scale", /lag/],
    [space({ learning_rate: { min: 1e-4, max: 1, points: 0 } }), "/space/learning_rate/points", /0/],
    [space({ momentum: 1.5, optimizer: "sgd" }), "/space/momentum", /1\.5/],
    [space({ optimizer: { min: 1, max: 2 } }), "/space/optimizer", /./],
    [space({ hidden: [[64], [0]], epochs: 1 }), "/space/hidden/1", /0 is below 1/],
    [space({ hidden: [[64]], layers: 2 }), "/space", /hidden/],
];

for (const [definition, pointer, detail] of FAULTS)
    test(`broken definition: ${JSON.stringify(definition)}`, async () => {
        const answer = await api(daemon.url, "/experiments", { json: definition });
        assert.equal(answer.status, 422, answer.text);
        const fault = answer.json.errors.find((f) => f.pointer.startsWith(pointer));
        assert.ok(fault, answer.text);
        assert.match(fault.detail, detail);
    });

test("all faults of a definition come at once", async () => {
    const { json } = await api(daemon.url, "/experiments",
        { json: { dataset: "iris", sead: 1, space: { layers: -1, widht: 3, epochs: 0 } } });
    assert.deepEqual(json.errors.map((f) => f.pointer).slice().sort(),
                     ["/sead", "/space/epochs", "/space/layers", "/space/widht"]);
});

const UNREADABLE = [
    ["{", /line 1/], ['{"dataset": "iris",\n "seed": 01}', /line 2/], ['{"dataset": "iris"} x', /./],
    ['{"dataset": "iris", "dataset": "iris"}', /dataset/], ['{"seed": NaN}', /./],     ['{"name": "a\u0001"}', /./], ["[".repeat(2000), /./],
];

for (const [body, detail] of UNREADABLE)
    test(`unreadable definition: ${JSON.stringify(body.slice(0, 40))}`, async () => {
        const answer = await api(daemon.url, "/experiments", { method: "POST", body, headers: { "Content-Type": "application/json" } });
        assert.equal(answer.status, 400, answer.text);
        assert.match(answer.text, detail);
    });

test("a definition that is no object is refused", async () => {
    const answer = await api(daemon.url, "/experiments", { json: [1] });
    assert.equal(answer.status, 422);
    assert.match(answer.json.detail, /expected a JSON object/);
    assert.deepEqual(answer.json.errors.map((fault) => fault.pointer), [""]);
});

test("an experiment named like HTML or SQL is just a name", async () => {
    const name = `<b>"; DROP TABLE trial; --`;
    const made = await submit(daemon.url, { ...space({ layers: 1, width: 2, epochs: 1 }), name });
    assert.equal(made.name, name);
    assert.equal((await api(daemon.url, `/experiments?q=${encodeURIComponent("DROP")}`)).json.total, 1);
});

test("options that make no sense are refused in words, before anything is touched", async () => {
    for (const [args, text] of [[["--threads", "0"], /at least one thread/],
                                [["--listen", "0.0.0.0:80"], /needs tokens/],
                                [["--memory", "lots"], /lots/], [["--what"], /unknown option "--what"/],
                                [["--db"], /needs a value/]])
        await assert.rejects(run(BINARY, args), (e) => e.code === 2 && text.test(e.stderr), `${args}`);
    assert.match((await run(BINARY, ["--version"])).stdout, /^sweepd \d/);
    assert.match((await run(BINARY, ["--help"])).stdout, /SWEEPD_DB/);
});

test("options come from the environment and the command line wins", async () => {
    await assert.rejects(run(BINARY, ["--check-config"], { env: { SWEEPD_THREADS: "none" } }),
                         (e) => /SWEEPD_THREADS.*none/.test(e.stderr));
    await run(BINARY, ["--check-config", "--threads", "2"], { env: { SWEEPD_THREADS: "none" } });
});

test("until it has gone on with what was unfinished /readyz says 503, and so do calls", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-ready-"));
    const db = path.join(folder, "a.db"), socketPath = path.join(folder, "s");
    const ask = (at) => new Promise((resolve) =>
        request({ socketPath, path: at, headers: { Host: "localhost" } }, (r) => {
            r.resume();
            resolve({ status: r.statusCode, retry: r.headers["retry-after"] });
        }).on("error", () => resolve(null)).end());
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    for (let seed = 1; seed <= 4; seed++)
        await submit(first.url, { dataset: "iris", sampler: "grid", space: { width: [2], epochs: 1 }, seed, start: false });
    await first.stop();

    /* Each of them takes long to be gone on with. */
    await run("sqlite3", [db, `CREATE TRIGGER slow BEFORE UPDATE ON experiment BEGIN
        SELECT (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000) SELECT max(n) FROM c);
        END`]);
    const second = startDaemon({ db, args: ["--listen", `unix:${socketPath}`] });
    try {
        let answers = [];
        await until(async () => {
            answers = await Promise.all(["/readyz", "/api/v1/experiments", "/healthz"].map(ask));
            return answers.every((a) => a !== null);
        });
        assert.deepEqual(answers.map((a) => a.status), [503, 503, 200]);
        assert.equal(answers[0].retry, "1");
        await until(async () => (await ask("/readyz"))?.status === 200);
        assert.equal((await ask("/api/v1/experiments")).status, 200);
    } finally {
        await (await second).stop();
        await rm(folder, { recursive: true });
    }
});
