/*
 * Pruners over folds: which trials are stopped, what is said of them, and that neither threads nor
 * crashes change it.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);

/* A large alpha stops many, so that there is something to revisit. Some diverge. */
const DEFINITION = {
    dataset: "iris", metric: "log_loss", seed: 5, concurrency: 4, budget: { trials: 40 },
    pruner: { kind: "racing", alpha: 0.4 },
    space: { layers: [1, 3], width: [4, 8, 16], activation: ["relu", "tanh"],
             optimizer: ["adam", "sgd"], learning_rate: { min: 1e-3, max: 50, scale: "log" },
             epochs: 60, batch_size: 8 } };

async function sql(db, query) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query]);
    return stdout ? JSON.parse(stdout) : [];
}

/* All that a search has found, but for times. */
async function table(daemon, id) {
    const { text } = await api(daemon.url, `/experiments/${id}/trials.csv`);
    const rows = await sql(daemon.db, `SELECT trial, error, search_loss, race_folds, race_p
                                         FROM trial WHERE experiment_id = ${id} ORDER BY trial`);
    const folds = await sql(daemon.db, `SELECT trial, repeat, fold, weights_hash
                                          FROM fold WHERE experiment_id = ${id} ORDER BY 1, 2, 3`);
    return text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(",")))
        .concat(rows.map((r) => JSON.stringify(r)), folds.map((r) => JSON.stringify(r))).join("\n");
}

async function search(options, definition) {
    const daemon = await startDaemon(options);
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, definition);
    const done = await finished(daemon.url, made.id, 120);
    const rows = await table(daemon, made.id);
    await daemon.stop();
    assert.equal(done.state, "completed");
    return { rows, done };
}

let daemon, undisturbed, made, done, trials, folder;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-pruners-"));
    daemon = await startDaemon({ args: ["--threads", "1"] });
    await upload(daemon.url, "iris");
    made = await submit(daemon.url, DEFINITION);
    done = await finished(daemon.url, made.id, 120);
    undisturbed = await table(daemon, made.id);
    trials = (await api(daemon.url, `/experiments/${made.id}/trials`)).json.items;
});
after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
});

test("a trial without a chance is pruned and says after how many folds, against whom", () => {
    const pruned = trials.filter((t) => t.state === "pruned");

    assert.ok(pruned.length > 0);
    for (const trial of pruned) {
        const said = /^after (\d) of 5 folds its chance to beat trial (\d+) was (\d\S*)$/.exec(trial.error);
        assert.ok(said, trial.error);
        assert.equal(Number(said[1]), trial.folds_done);
        assert.equal(trials[said[2] - 1].state, "completed");
        assert.ok(Number(said[3]) < 0.4, trial.error);
        assert.equal(trial.reason, "raced_out");
        assert.equal(trial.score, null);
        assert.ok(trial.folds_done < 5);
    }
    assert.equal(done.progress.trials_pruned, pruned.length);
});

test("ranks: completed trials by score, then the rest by trial", () => {
    const byRank = trials.toSorted((a, b) => a.rank - b.rank);
    const completed = byRank.filter((t) => t.state === "completed");

    assert.deepEqual(byRank.map((t) => t.rank), trials.map((_, i) => i + 1));
    assert.deepEqual(byRank.slice(0, completed.length), completed);
    assert.ok(completed.every((t) => t.folds_done === 5));
    const rest = byRank.slice(completed.length).map((t) => t.trial);
    assert.deepEqual(rest, rest.toSorted((a, b) => a - b));
    assert.equal(done.best.trial, byRank[0].trial);
});

test("folds that nobody wants any more do not count: the end is a fraction of 1", () => {
    const folds = trials.reduce((sum, t) => sum + t.folds_done, 0);

    assert.equal(done.stop_reason, "trials");
    assert.equal(done.progress.trials_done, 40);
    assert.equal(done.progress.folds_done, folds);
    assert.equal(done.progress.folds, folds);
    assert.equal(done.progress.fraction, 1);
    assert.ok(folds < 200);
});

test("revisits give folds to stopped trials, and the sampler keeps what it was told", async () => {
    const rows = await sql(daemon.db, `SELECT trial, state, race_folds, folds_done, search_loss, score
                                         FROM trial WHERE race_folds IS NOT NULL`);
    const more = rows.filter((r) => r.folds_done > r.race_folds);

    const given = more.reduce((sum, r) => sum + r.folds_done - r.race_folds, 0);
    assert.ok(given >= 8, `${given} folds: several rounds`);
    assert.ok(more.some((r) => r.state === "completed"), "one at least came to its end");
    for (const row of rows)
        assert.equal(typeof row.search_loss, "number");
});

test("a diverging trial fails with its first bad fold", () => {
    const failed = trials.filter((t) => t.state === "failed");

    assert.ok(failed.length > 0);
    for (const trial of failed) {
        assert.equal(trial.reason, "diverged");
        assert.match(trial.error, /^fold \d: /);
    }
    assert.ok(failed.some((t) => t.folds_done < 5), "its other folds are not trained");
});

test("the folds of every trial come in one order", async () => {
    const rows = await sql(daemon.db, `SELECT trial, group_concat(fold, '') AS folds FROM
        (SELECT trial, fold FROM fold WHERE experiment_id = ${made.id} ORDER BY trial, fold)
        GROUP BY trial`);
    const sets = [...new Set(rows.map((r) => r.folds))].toSorted((a, b) => a.length - b.length);

    assert.ok(sets.length > 2 && sets.length <= 5, sets.join());
    for (let i = 1; i < sets.length; i++)
        assert.ok([...sets[i - 1]].every((f) => sets[i].includes(f)), sets.join());
});

test("one thread and two give the same trials, folds and decisions", async () => {
    assert.equal((await search({ args: ["--threads", "2"] }, DEFINITION)).rows, undisturbed);
});

async function interrupted(name, isTime, definition = DEFINITION) {
    const db = path.join(folder, `${name}.db`);
    const first = await startDaemon({ db, args: ["--threads", "2"] });
    await upload(first.url, "iris");
    const { id } = await submit(first.url, definition);
    let seen;
    do
        seen = (await api(first.url, `/experiments/${id}`)).json;
    while (!isTime(seen) && seen.state === "running");
    await first.kill9();
    const second = await startDaemon({ db, args: ["--threads", "2"] });
    const end = await finished(second.url, id, 120);
    assert.equal(end.state, "completed");
    const rows = await table(second, id);
    await second.stop();
    return { rows, seen };
}

for (const share of [0.1, 0.4, 0.8])
    test(`kill -9 after ${100 * share} % of the folds changes nothing`, async () => {
        const { rows, seen } = await interrupted(`share-${share}`,
            (x) => x.progress.folds_done >= share * done.progress.folds);
        assert.equal(seen.state, "running");
        assert.equal(rows, undisturbed);
    });

test("kill -9 in the middle of revisits changes nothing", async () => {
    const { rows, seen } = await interrupted("revisits", (x) => x.progress.trials_done === 40);
    assert.equal(seen.state, "running", "it has ended before it could be killed");
    assert.equal(rows, undisturbed);
});

test("with a sampler that learns too, kill -9 and threads change nothing", async () => {
    const definition = { ...DEFINITION, sampler: "tpe" };
    const { rows, done: end } = await search({ args: ["--threads", "1"] }, definition);
    const again = await interrupted("tpe", (x) => x.progress.folds_done >= 0.5 * end.progress.folds,
                                    definition);
    assert.equal(again.rows, rows);
});

test("stop_when sees stopped trials in their order: kill -9 and threads change nothing", async () => {
    const definition = { ...DEFINITION, stop_when: { patience: 8 } };
    const { rows, done: end } = await search({ args: ["--threads", "1"] }, definition);
    assert.equal(end.stop_reason, "patience");
    assert.ok(end.progress.trials_pruned > 0);
    const again = await interrupted("stop", (x) => x.progress.folds_done >= 0.6 * end.progress.folds_done,
                                    definition);
    assert.equal(again.rows, rows);
});

test("pause and resume between folds change nothing", async () => {
    const db = path.join(folder, "paused.db");
    const other = await startDaemon({ db, args: ["--threads", "2"] });
    await upload(other.url, "iris");
    const { id } = await submit(other.url, DEFINITION);
    for (let i = 0; i < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const order = await api(other.url, `/experiments/${id}/pause`, { method: "POST" });
        if (order.status === 409) /* it has ended */
            break;
        await api(other.url, `/experiments/${id}/resume`, { method: "POST" });
    }
    await finished(other.url, id, 120);
    assert.equal(await table(other, id), undisturbed);
    await other.stop();
});

test("a cancelled race keeps what it has and ends", async () => {
    const { id } = await submit(daemon.url, { ...DEFINITION, budget: { trials: 1000 } });
    await api(daemon.url, `/experiments/${id}/cancel`, { method: "POST" });
    const end = await finished(daemon.url, id);
    assert.equal(end.state, "cancelled");
});

for (const [pruner, said] of [["wilcoxon", /^after [234] of 5 folds it was worse than trial \d+ with p = 0\.\d+$/],
                              ["forgiving", /^after [1234] of 5 folds its mean log_loss of \S+ was no better than the worst fold of trial \d+$/]])
    test(`${pruner} stops trials as dominated, the same for any number of threads`, async () => {
        const definition = { ...DEFINITION, pruner };
        const { id } = await submit(daemon.url, definition);
        const end = await finished(daemon.url, id, 120);
        const { items } = (await api(daemon.url, `/experiments/${id}/trials?state=pruned`)).json;

        assert.ok(items.length > 0);
        for (const trial of items) {
            assert.equal(trial.reason, "dominated");
            assert.match(trial.error, said);
        }
        assert.equal(end.progress.fraction, 1);
        const other = await search({ args: ["--threads", "2"] }, definition);
        assert.equal(other.rows, await table(daemon, id));
    });

test("repeats count as folds of the race", async () => {
    const { id } = await submit(daemon.url, {
        ...DEFINITION, cross_validation: { kind: "holdout", repeats: 3 } });
    const end = await finished(daemon.url, id, 120);
    const { items } = (await api(daemon.url, `/experiments/${id}/trials`)).json;

    assert.ok(end.progress.trials_pruned > 0);
    assert.ok(items.filter((t) => t.state === "pruned").every((t) => / of 3 folds /.test(t.error)));
});

test("what a search with a pruner can keep busy stands in its plan", async () => {
    const plan = async (definition) => (await api(daemon.url, "/experiments/validate",
        { json: { ...DEFINITION, ...definition } })).json.plan;

    assert.equal((await plan({})).busy_threads, 4);
    assert.equal((await plan({ pruner: "none", sampler: "random" })).busy_threads, null);
    assert.equal((await plan({ pruner: "none", sampler: "random", stop_when: { patience: 9 } }))
        .busy_threads, 20);
    assert.equal((await plan({ pruner: "none", sampler: "tpe" })).busy_threads, 20);
    const coarse = (await plan({ metric: "accuracy" })).warnings;
    assert.ok(coarse.some((w) => /accuracy moves in steps of about 1\/30 .* racing/.test(w)), coarse);
    assert.ok(!(await plan({})).warnings.some((w) => /steps/.test(w)));
});

test("the pruners of the build are described", async () => {
    const { pruners } = (await api(daemon.url, "")).json;

    assert.deepEqual(pruners.map((p) => p.name), ["none", "racing", "wilcoxon", "forgiving", "median",
                                               "successive_halving", "hyperband"]);
    assert.ok(pruners.every((p) => p.description.length > 20));
});
