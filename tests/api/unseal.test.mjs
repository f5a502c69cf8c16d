/*
 * Sealed rows: nothing of them is seen before the search has ended; then the best trial's
 * configuration is trained on all others and scored on them, once, with the same bits always.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const SEED = 20260705;
const WAIT = 60;

let daemon;
let folder;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-unseal-"));
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
});

const SEARCH = {
    dataset: "iris", sampler: "grid", seed: 5, sealed: { fraction: 0.2 },
    space: { layers: 1, width: [4, 8], learning_rate: [0.01, 0.03], dropout: 0.1, epochs: 15,
             early_stopping: 5 },
    cross_validation: { folds: 3 } };

async function searched(url, definition = SEARCH) {
    const { id } = await submit(url, definition);
    const done = await finished(url, id);
    assert.equal(done.state, "completed");
    return done;
}

const ask = (url, id) => api(url, `/experiments/${id}/unseal`, { method: "POST" });

/* The record once it has ended. */
async function ended(url, id) {
    const { json } = await api(url, `/experiments/${id}?wait=${WAIT}`);
    return json.unsealed;
}

async function unsealed(url, id) {
    const asked = await ask(url, id);
    assert.equal(asked.status, 202, asked.text);
    return ended(url, id);
}

/* What is the same in every run. */
const bits = ({ trial, rows, train_rows, scores, epochs, epochs_run, weights_hash, warnings, state }) =>
    ({ trial, rows, train_rows, scores, epochs, epochs_run, weights_hash, warnings, state });

async function query(db, sql) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, sql]);
    return stdout ? JSON.parse(stdout) : [];
}

/* ---- the record ------------------------------------------------------------------------------ */

test("an experiment tells how many rows are sealed, and nothing of them until it is unsealed", async () => {
    const plan = await api(daemon.url, "/experiments/validate", { json: SEARCH });
    assert.equal(plan.json.plan.sealed_rows, 30);
    const done = await searched(daemon.url);
    assert.equal(done.sealed_rows, 30);
    assert.equal(done.unsealed, null);

    const asked = await ask(daemon.url, done.id);
    assert.equal(asked.status, 202);
    assert.equal(asked.headers.get("Location"), `/api/v1/experiments/${done.id}`);
    assert.equal(asked.json.state, "queued");
    assert.equal(asked.json.finished_at, null);

    const record = await ended(daemon.url, done.id);
    assert.equal(record.state, "completed", "?wait holds the answer while it goes on");
    assert.deepEqual([record.trial, record.rows, record.train_rows], [done.best.trial, 30, 120]);
    assert.equal(record.requested_at, asked.json.requested_at);
    assert.ok(record.finished_at >= record.requested_at);
    assert.ok(record.epochs <= record.epochs_run && record.epochs_run <= 15);
    for (const [metric, score] of Object.entries(record.scores))
        assert.ok(typeof score.test === "number" && typeof score.train === "number", metric);
    assert.equal(record.scores.accuracy.test * 30 % 1, 0, "a share of 30 rows");
    assert.ok(record.scores.accuracy.standard_error > 0);

    const rows = await query(daemon.db, `SELECT metric, train, test FROM test_scores
                                          WHERE experiment_id = ${done.id}`);
    assert.deepEqual(Object.fromEntries(rows.map((r) => [r.metric, [r.train, r.test]])),
        Object.fromEntries(Object.entries(record.scores).map(([m, s]) => [m, [s.train, s.test]])));
});

test("who asks again is given the same record, and nothing is trained again", async () => {
    const { id } = await searched(daemon.url);
    const asked = await Promise.all(Array.from({ length: 4 }, () => ask(daemon.url, id)));
    assert.deepEqual(asked.map((a) => a.status).sort(), [200, 200, 200, 202]);
    assert.equal(new Set(asked.map((a) => a.json.requested_at)).size, 1);
    const record = await ended(daemon.url, id);
    const again = await ask(daemon.url, id);
    assert.equal(again.status, 200);
    assert.deepEqual(again.json, record);
});

test("an experiment that has not ended, has no trial or no sealed rows is refused in words", async () => {
    const paused = await submit(daemon.url, { ...SEARCH, start: false });
    const refuse = async (id, sentence) => {
        const { status, json } = await ask(daemon.url, id);
        assert.equal(status, 409);
        assert.match(json.detail, sentence);
        assert.equal((await api(daemon.url, `/experiments/${id}`)).json.unsealed, null);
    };

    await refuse(paused.id, /is paused: its sealed rows are scored once, after it has ended/);
    await api(daemon.url, `/experiments/${paused.id}/cancel`, { method: "POST" });
    await refuse(paused.id, /has no completed trial/);
    await refuse((await searched(daemon.url, { ...SEARCH, sealed: null })).id,
                 /has no sealed rows: a definition sets them aside/);
    assert.equal((await ask(daemon.url, 987654)).status, 404);
});

/* ---- the same bits --------------------------------------------------------------------------- */

test("the scores are the same for any number of threads and any kernel", async () => {
    const expected = bits(await unsealed(daemon.url, (await searched(daemon.url)).id));
    const { kernels } = (await api(daemon.url, "")).json;
    const ways = [{ args: ["--threads", "1"] }, { args: ["--threads", "2"] },
                  ...kernels.split(", ").map((k) => ({ env: { SWEEPD_KERNEL: k } }))];

    for (const way of ways) {
        const other = await startDaemon(way);
        await upload(other.url, "iris");
        const { id } = await searched(other.url);
        assert.deepEqual(bits(await unsealed(other.url, id)), expected, JSON.stringify(way));
        await other.stop();
    }
});

/* Long enough to be caught in the middle. */
const LONG = { ...SEARCH, cross_validation: { kind: "holdout" },
    space: { layers: 2, width: 32, learning_rate: 0.001, epochs: 6000 } };

for (const how of ["kill9", "stop"])
    test(`a daemon that ends in the middle (${how}) starts it again, with the same result`, async () => {
        const db = path.join(folder, `${how}.db`);
        const first = await startDaemon({ db });
        await upload(first.url, "iris");
        const { id } = await searched(first.url, LONG);
        await ask(first.url, id);
        await first[how]();
        const [{ state }] = await query(db, "SELECT state FROM unseal");
        assert.match(state, /queued|running/, "it was caught in the middle");

        const second = await startDaemon({ db });
        const record = await ended(second.url, id);
        assert.equal(record.state, "completed");
        await second.kill9();
        const third = await startDaemon({ db });
        assert.deepEqual(await ended(third.url, id), record, "what has ended is not trained again");
        assert.deepEqual((await ask(third.url, id)).json, record);
        const other = (await searched(third.url, LONG)).id;
        assert.deepEqual(bits(await unsealed(third.url, other)), bits(record));
        await third.stop();
    });

/* ---- what is trained, and on which rows ------------------------------------------------------ */

/* Uniform numbers in [0, 1) from a 32-bit seed (mulberry32). */
function uniform(seed) {
    return () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
}

async function send(name, rows, roles) {
    const answer = await api(daemon.url, `/datasets?name=${name}&${roles}`,
        { method: "POST", body: rows.map((row) => `${row.join(",")}\n`).join("") });
    assert.equal(answer.status, 201, answer.text);
}

/* A table of the test data; every fifth row is a test row. `change(row, i)` alters its cells. */
async function table(name, label, [plain, marked], change = (row) => row) {
    const text = await readFile(new URL(`../data/${name}.csv`, import.meta.url), "utf8");
    const [header, ...rows] = text.trim().split(/\r?\n/).map((line) => line.split(","));
    return [[label, ...header],
            ...rows.map((row, i) => [i % 5 === 2 ? marked : plain, ...change(row, i)])];
}

/* Nothing of it is random, so a fold that trains on the same rows gives the same weights. */
const EXACT = { space: { hidden: [[]], optimizer: "lbfgs", init: "zeros", epochs: 12,
                         scaling: "quantile" }, sampler: "grid" };

for (const name of ["iris", "diabetes"])
    test(`unsealing trains and scores as a fold with the same rows does: ${name}`, async () => {
        await send(`${name}-split`, await table(name, "part", ["train", "test"]), "split=part");
        await send(`${name}-fold`, await table(name, "part", ["2", "1"]), "fold=part");
        const sealed = await searched(daemon.url, { ...EXACT, dataset: `${name}-split` });
        const record = await unsealed(daemon.url, sealed.id);
        const folds = await searched(daemon.url, { ...EXACT, dataset: `${name}-fold`,
                                                   cross_validation: { kind: "predefined" } });
        const { json } = await api(daemon.url, `/experiments/${folds.id}/trials/1`);
        const [fold] = json.folds;
        const [{ weights_hash: hash }] = await query(daemon.db,
            `SELECT weights_hash FROM fold WHERE experiment_id = ${folds.id} AND fold = 1`);

        assert.equal(record.weights_hash, hash);
        assert.deepEqual(Object.fromEntries(Object.entries(record.scores).map(([m, s]) => [m, s.test])),
                         fold.validation);
        assert.deepEqual(Object.fromEntries(Object.entries(record.scores).map(([m, s]) => [m, s.train])),
                         fold.train);
    });

for (const name of ["iris", "diabetes"])
    test(`noise in the sealed rows changes the test scores and nothing else: ${name}`, async () => {
        const random = uniform(SEED);
        const noise = (row, i) => i % 5 !== 2 ? row
            : row.map((cell) => Number.isNaN(Number(cell)) ? cell : (9 * random() - 3).toFixed(2));
        const space = { ...SEARCH.space, scaling: ["quantile", "minmax"] };
        const found = [];

        for (const [kind, change] of [["true", undefined], ["noised", noise]]) {
            const dataset = `${name}-${kind}`;
            await send(dataset, await table(name, "part", ["train", "test"], change), "split=part");
            const { id } = await searched(daemon.url, { ...SEARCH, dataset, space, sealed: "split" });
            const trials = await api(daemon.url, `/experiments/${id}/trials`);
            found.push({ record: await unsealed(daemon.url, id),
                         trials: trials.json.items.map((t) => [t.trial, t.rank, t.scores]) });
        }
        const [clean, noised] = found;
        const part = (record, side) => Object.entries(record.scores).map(([m, s]) => [m, s[side]]);
        assert.deepEqual(noised.trials, clean.trials, `seed ${SEED}`);
        assert.equal(noised.record.weights_hash, clean.record.weights_hash);
        assert.deepEqual(part(noised.record, "train"), part(clean.record, "train"));
        assert.notDeepEqual(part(noised.record, "test"), part(clean.record, "test"));
    });

/* ---- what goes wrong ------------------------------------------------------------------------- */

test("a training that diverges is told in a sentence, without scores", async () => {
    /* The last two rows validate in the search; the refit, which trains on them, cannot have both. */
    const rows = Array.from({ length: 60 }, (_, i) => [i % 5 ? "train" : "test", i % 7,
                                                       i % 7 > 3 ? "up" : "down"]);
    rows.splice(58, 2, ["train", 1e30, "up"], ["train", 1e30, "down"]);
    await send("outlier", [["part", "x", "way"], ...rows], "split=part");
    const done = await searched(daemon.url, {
        dataset: "outlier", cross_validation: { kind: "holdout", shuffle: false },
        space: { hidden: [[]], optimizer: "sgd", learning_rate: 0.1, epochs: 4, scaling: "none" } });
    const record = await unsealed(daemon.url, done.id);
    assert.equal(record.state, "failed");
    assert.match(record.error, /loss is not finite in epoch/);
    assert.deepEqual(record.scores, {});
    assert.equal((await ask(daemon.url, done.id)).status, 200, "the same would come again");
});

test("an unsealing that cannot be loaded any more fails in words", async () => {
    const db = path.join(folder, "unreadable.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const { id } = await searched(first.url, LONG);
    await ask(first.url, id);
    await first.kill9();
    await run("sqlite3", [db, `UPDATE experiment SET definition =
        json_set(definition, '$.sampler', 'of a later version')`]);
    const second = await startDaemon({ db });
    const record = await ended(second.url, id);
    assert.equal(record.state, "failed");
    assert.match(record.error, /could not be loaded: .*of a later version/);
    await second.stop();
});

/* ---- deleting -------------------------------------------------------------------------------- */

test("an experiment that is being unsealed is deleted by force only", async () => {
    const { id } = await searched(daemon.url, LONG);
    const remove = (query) => api(daemon.url, `/experiments/${id}${query}`, { method: "DELETE" });

    assert.equal((await ask(daemon.url, id)).status, 202);
    const refused = await remove("");
    assert.equal(refused.status, 409);
    assert.match(refused.json.detail, /is being unsealed/);
    assert.equal((await remove("?force=true")).status, 204);
    assert.deepEqual(await query(daemon.db, `SELECT * FROM unseal WHERE experiment_id = ${id}`), []);
    const next = await searched(daemon.url); /* the worker is free again */
    assert.equal((await unsealed(daemon.url, next.id)).state, "completed");
    assert.equal((await api(daemon.url, `/experiments/${next.id}`, { method: "DELETE" })).status, 204);
    assert.deepEqual(await query(daemon.db, `SELECT * FROM test_scores WHERE experiment_id = ${next.id}`),
                     []);
});
