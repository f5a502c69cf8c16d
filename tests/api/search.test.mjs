/* Searches over HTTP: from the definition to the leaderboard, and every way to look at it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
let daemon;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
    await upload(daemon.url, "diabetes");
});
after(async () => { await daemon.stop(); });

const GRID = { dataset: "iris", sampler: "grid", seed: 3,
               space: { layers: [1, 2], width: [4, 8], activation: ["relu", "tanh"], epochs: 5 } };

async function get(route) {
    const answer = await api(daemon.url, route);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

async function sql(query, db = daemon.db) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query]);
    return stdout ? JSON.parse(stdout) : [];
}

/* CSV without quotes, as rows of cells. */
function cells(csv) {
    return csv.trimEnd().split("\r\n").map((line) => line.split(","));
}

test("a trial whose loss diverges is closed while those that were trained beside it go on", async () => {
    const rates = [1e6, ...Array.from({ length: 11 }, (_, i) => 0.01 + i / 1000)];
    const made = await submit(daemon.url, {
        dataset: "iris", sampler: "grid", cross_validation: { kind: "holdout" },
        space: { hidden: [[8]], optimizer: "sgd", learning_rate: rates, epochs: 500 } });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.state, "completed");
    const { items } = await get(`/experiments/${made.id}/trials`);
    assert.deepEqual(items.map((t) => t.state), ["failed", ...Array(11).fill("completed")]);
    assert.equal(items[0].reason, "diverged");
});

test("a grid trains every configuration on every fold and ranks them", async () => {
    const made = await submit(daemon.url, GRID);
    assert.equal(made.progress.trials, 8);
    assert.equal(made.progress.folds, 40);
    const done = await finished(daemon.url, made.id);
    assert.equal(done.state, "completed");
    assert.equal(done.stop_reason, "space_exhausted");
    assert.equal(done.progress.folds_done, 40);
    assert.equal(done.progress.fraction, 1);

    const trials = await get(`/experiments/${made.id}/trials?sort=rank`);
    assert.equal(trials.total, 8);
    assert.equal(trials.next, null);
    assert.deepEqual(trials.items.map((t) => t.rank), [1, 2, 3, 4, 5, 6, 7, 8]);
    const scores = trials.items.map((t) => t.score);
    assert.deepEqual(scores, scores.slice().sort((a, b) => b - a));
    assert.equal(done.best.trial, trials.items[0].trial);
    assert.equal((await get(`/experiments/${made.id}/best`)).best.trial, done.best.trial);
});

test("a trial shows its folds, whose mean and deviation are its score", async () => {
    const made = await submit(daemon.url, { ...GRID, space: { hidden: [[6]], epochs: 4 } });
    await finished(daemon.url, made.id);
    const trial = await get(`/experiments/${made.id}/trials/1`);
    const values = trial.folds.map((f) => f.validation.accuracy);
    const mean = values.reduce((a, b) => a + b) / 5;
    const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 4);
    assert.equal(trial.state, "completed");
    assert.deepEqual(trial.hidden, [6]);
    assert.deepEqual(trial.activations, ["relu"]);
    assert.equal(trial.weight_count, 5 * 6 + 7 * 3);
    assert.ok(Math.abs(trial.score - mean) < 1e-12);
    assert.ok(Math.abs(trial.score_std - std) < 1e-12);
    assert.ok(Math.abs(trial.score_sem - std * Math.sqrt(1 / 5 + 1 / 4)) < 1e-12);
    assert.deepEqual(trial.folds.map((f) => [f.repeat, f.fold, f.epochs, f.epochs_run]),
                     [1, 2, 3, 4, 5].map((fold) => [1, fold, 4, 4]));

    const curves = await get(`/experiments/${made.id}/trials/1/curves`);
    assert.equal(curves.folds.length, 5);
    for (const fold of curves.folds) {
        assert.equal(fold.train_loss.length, 4);
        assert.equal(fold.validation_score.length, 4);
    }
    assert.equal(curves.folds[0].validation_score[3].toFixed(8), values[0].toFixed(8));
});

test("trials.csv has the columns of the contract and trials.txt is aligned", async () => {
    const made = await submit(daemon.url, GRID);
    await finished(daemon.url, made.id);
    const csv = cells((await api(daemon.url, `/experiments/${made.id}/trials.csv`)).text);
    assert.deepEqual(csv[0], ["trial", "rank", "state", "reason", "score", "score_std", "score_sem",
                              "folds_done", "weight_count", "layers", "width", "activation",
                              "epochs", "seconds"]);
    assert.equal(csv.length, 9);
    const text = (await api(daemon.url, `/experiments/${made.id}/trials.txt?sort=rank&limit=3`)).text;
    const lines = text.trimEnd().split("\n");
    assert.equal(new Set(lines.map((l) => l.length)).size <= 2, true, text);
    assert.equal(lines.filter((l) => /completed/.test(l)).length, 3);
    const accepted = await api(daemon.url, `/experiments/${made.id}/trials`,
                               { headers: { Accept: "text/csv" } });
    assert.equal(cells(accepted.text).length, 9);
});

test("trials are sorted by any dimension, filtered by state, and paged by a cursor", async () => {
    const made = await submit(daemon.url, GRID);
    await finished(daemon.url, made.id);
    const sorted = await get(`/experiments/${made.id}/trials?sort=-width`);
    assert.deepEqual(sorted.items.map((t) => t.params.width), [8, 8, 8, 8, 4, 4, 4, 4]);
    assert.equal((await get(`/experiments/${made.id}/trials?state=failed`)).total, 0);

    const seen = [];
    for (let next = `/api/v1/experiments/${made.id}/trials?limit=3`; next;) {
        const page = await fetch(daemon.url + next).then((r) => r.json());
        seen.push(...page.items.map((t) => t.trial));
        next = page.next;
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
    const bad = await api(daemon.url, `/experiments/${made.id}/trials?limit=0&sort=nothing&x=1`);
    assert.equal(bad.status, 422);
    assert.ok(bad.json.errors.length >= 2, bad.text);
});

test("the least definition searches a standard space of networks", async () => {
    const plan = await api(daemon.url, "/experiments/validate", { json: { dataset: "iris" } });
    assert.equal(plan.status, 200, plan.text);
    assert.equal(plan.json.definition.metric, "accuracy");
    assert.equal(plan.json.plan.trials, 100);
    assert.equal(plan.json.plan.folds, 500);
    assert.equal((await get("/experiments")).items.some((x) => x.sampler === "validate"), false);
    const again = await api(daemon.url, "/experiments/validate", { json: plan.json.definition });
    assert.deepEqual(again.json.definition, plan.json.definition, "complete is complete");
});

test("curl sends a definition by -d @file and watches the latest experiment", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-curl-"));
    const file = path.join(folder, "definition.json");
    await writeFile(file, JSON.stringify({ ...GRID, name: "by curl" }, null, 2));
    const url = `${daemon.url}/api/v1/experiments`;
    const { stdout } = await run("curl", ["-sS", "-d", `@${file}`, url]);
    assert.equal(JSON.parse(stdout).name, "by curl");
    const watched = await run("curl", ["-sS", "-N", `${url}/latest/watch`]);
    assert.match(watched.stdout, /40\/40 folds, +8\/8 trials/);
    for (const line of watched.stdout.split("\n")[0].split("\r"))
        assert.ok(line.length < 80, `"${line}" wraps on a terminal`);
    assert.match(watched.stdout, /by curl: completed/);
    assert.match(watched.stdout, /trial +rank/);
    await rm(folder, { recursive: true });
});

test("random draws what it was told, and the seed says what", async () => {
    const definition = { dataset: "iris", sampler: "random", budget: { trials: 12 },
                         space: { width: { min: 2, max: 64, scale: "log" },
                                  learning_rate: { min: 1e-3, max: 1e-1, scale: "log" },
                                  layers: 1, epochs: 2 } };
    const draws = [];
    for (const seed of [1, 1, 2]) {
        const made = await submit(daemon.url, { ...definition, seed });
        const done = await finished(daemon.url, made.id);
        assert.equal(done.stop_reason, "trials");
        draws.push((await get(`/experiments/${made.id}/trials`)).items.map((t) => t.params));
    }
    assert.deepEqual(draws[0], draws[1]);
    assert.notDeepEqual(draws[0], draws[2]);
    for (const p of draws[0]) {
        assert.ok(Number.isInteger(p.width) && p.width >= 2 && p.width <= 64);
        assert.ok(p.learning_rate >= 1e-3 && p.learning_rate <= 1e-1);
    }
});

test("a diverged trial is a result with fold and epoch, and the search goes on", async () => {
    const made = await submit(daemon.url, {
        dataset: "diabetes", sampler: "grid",
        space: { optimizer: "sgd", learning_rate: [1e5, 1e-3], layers: 2, width: 16,
                 activation: "identity", epochs: 5 } });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.state, "completed");
    assert.equal(done.progress.trials_failed, 1);
    const failed = await get(`/experiments/${made.id}/trials/1`);
    assert.equal(failed.state, "failed");
    assert.equal(failed.reason, "diverged");
    assert.equal(failed.score, null);
    assert.match(failed.error, /fold 1: .*epoch \d/);
    assert.equal(failed.rank, 2);
    assert.equal(done.best.trial, 2);
});

test("regression is scored in the target's own unit", async () => {
    const made = await submit(daemon.url, {
        dataset: "diabetes", metric: "rmse", space: { layers: 1, width: 8, epochs: 60 } });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.direction, "minimize");
    assert.ok(done.best.score > 45 && done.best.score < 65, `${done.best.score}`);
});

test("all trials see the folds of folds.csv", async () => {
    const made = await submit(daemon.url, { ...GRID, space: { layers: 1, width: 4, epochs: 1 },
                                            cross_validation: { kind: "kfold", folds: 3, repeats: 2 } });
    await finished(daemon.url, made.id);
    const rows = cells((await api(daemon.url, `/experiments/${made.id}/folds.csv`)).text);
    assert.deepEqual(rows[0], ["row", "repeat", "fold"]);
    assert.equal(rows.length, 1 + 300);
    for (const repeat of ["1", "2"]) {
        const of = rows.slice(1).filter((r) => r[1] === repeat);
        const counts = ["1", "2", "3"].map((fold) => of.filter((r) => r[2] === fold).length);
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
        assert.equal(counts[0] + counts[1] + counts[2], 150);
    }
    assert.equal((await get(`/experiments/${made.id}/trials/1`)).folds.length, 6);
});

test("the views of the database say what the API says, while it runs and in an export", async () => {
    const made = await submit(daemon.url, GRID);
    await finished(daemon.url, made.id);
    const api_rows = (await get(`/experiments/${made.id}/trials?sort=rank`)).items;
    const query = `SELECT trial, hidden, activation, learning_rate, cv_mean, cv_std
                     FROM leaderboard WHERE experiment_id = ${made.id} ORDER BY rank LIMIT 5`;
    const rows = await sql(query);
    assert.deepEqual(rows.map((r) => r.trial), api_rows.slice(0, 5).map((t) => t.trial));
    assert.equal(rows[0].learning_rate, 0.001);
    assert.match(rows[0].hidden, /^[48](,[48])?$/);

    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-export-"));
    const file = path.join(folder, "one.db");
    await run("curl", ["-sS", "-o", file,
                       `${daemon.url}/api/v1/experiments/${made.id}/export.db`]);
    assert.deepEqual(await sql(query, file), rows);
    assert.equal((await sql("SELECT count(*) AS n FROM experiment_summary", file))[0].n, 1);
    assert.equal((await sql("SELECT count(*) AS n FROM learning_curves", file))[0].n, 8 * 5 * 5);
    await rm(folder, { recursive: true });
});

/* Twelve sigmoid layers: what reaches the first of them is less than a millionth. */
const DEEP = { dataset: "iris", sampler: "grid", metric: "accuracy",
               space: { layers: 12, width: 16, activation: "sigmoid", init: "glorot_normal",
                        optimizer: "sgd", learning_rate: 0.01, epochs: 4 } };

test("gradients that vanish are a trial's warnings, fold by fold, and can be seen in its curves", async () => {
    const made = await submit(daemon.url, { ...DEEP, cross_validation: { kind: "kfold", folds: 3 } });
    await finished(daemon.url, made.id);
    const { warnings } = await get(`/experiments/${made.id}/trials/1`);
    const vanishing = warnings.filter((w) => w.includes("vanish"));
    assert.equal(vanishing.length, 3, warnings.join("\n"));
    vanishing.forEach((w, i) => assert.match(w, new RegExp(`^fold ${i + 1}: gradients of layer 1 ` +
        "are \\de-\\d\\d of layer 13's from epoch 1 on: they vanish; .* usually helps$")));

    const { folds } = await get(`/experiments/${made.id}/trials/1/curves`);
    assert.equal(folds.length, 3);
    for (const { layers } of folds) {
        assert.equal(layers.length, 13);
        for (const layer of layers)
            for (const name of ["gradient_norm", "update_ratio", "idle"])
                assert.equal(layer[name].length, 4);
        assert.ok(layers[0].gradient_norm.every((x, i) => x < 1e-6 * layers[12].gradient_norm[i]));
        assert.ok(layers[0].update_ratio.every((x) => x < 1e-6));
        assert.ok(layers[0].idle.every((x) => x >= 0 && x < 0.5));
        assert.deepEqual(layers[12].idle, [null, null, null, null]);
    }
    const rows = await sql(`SELECT * FROM layer_statistics WHERE experiment_id = ${made.id}
                             ORDER BY fold, layer, epoch`);
    assert.equal(rows.length, 3 * 13 * 4);
    assert.deepEqual(rows.map((r) => [r.gradient_norm, r.update_ratio, r.idle]),
        folds.flatMap(({ layers }) => layers.flatMap((l) =>
            l.gradient_norm.map((x, i) => [x, l.update_ratio[i], l.idle[i]]))));
});

test("a network that learns has no warnings", async () => {
    const made = await submit(daemon.url, { ...DEEP, space: { ...DEEP.space, activation: "relu",
                                                              init: "he_normal" } });
    await finished(daemon.url, made.id);
    assert.deepEqual((await get(`/experiments/${made.id}/trials/1`)).warnings, []);
});

test("of many warnings a trial shows nineteen, with their repeats, and how many more there are", async () => {
    const made = await submit(daemon.url, { ...DEEP, space: { ...DEEP.space, epochs: 1 },
        cross_validation: { kind: "kfold", folds: 5, repeats: 5 } });
    await finished(daemon.url, made.id);
    const { warnings } = await get(`/experiments/${made.id}/trials/1`);
    assert.equal(warnings.length, 20);
    assert.match(warnings[0], /^repeat 1, fold 1: gradients/);
    assert.match(warnings[19], /^\d+ more warnings$/);
});

const LONG = { dataset: "iris", sampler: "grid",
               space: { layers: 2, width: [32, 33, 34, 35], epochs: 100000 } };

test("cancelling ends a search at once and keeps what is done", async () => {
    const made = await submit(daemon.url, { ...LONG, space: { ...LONG.space, epochs: [1, 100000] } });
    while ((await get(`/experiments/${made.id}`)).progress.folds_done < 5)
        await new Promise((resolve) => setTimeout(resolve, 20));
    const cancelled = await api(daemon.url, `/experiments/${made.id}/cancel`, { method: "POST" });
    assert.equal(cancelled.status, 202, cancelled.text);
    assert.equal(cancelled.json.state, "cancelled");
    assert.equal(cancelled.json.stop_reason, "user");
    assert.ok(cancelled.json.progress.folds_done >= 5);
    const again = await api(daemon.url, `/experiments/${made.id}/cancel`, { method: "POST" });
    assert.equal(again.status, 409);
    const { items } = await get(`/experiments/${made.id}/trials`);
    assert.equal(items[0].state, "completed");
    assert.deepEqual([items[1].state, items[1].reason, items[1].error],
                     ["cancelled", "user", "its experiment was cancelled"]);
});

test("a running experiment is not deleted, a cancelled one is, with its trials", async () => {
    const made = await submit(daemon.url, LONG);
    assert.equal((await api(daemon.url, `/experiments/${made.id}`, { method: "DELETE" })).status, 409);
    await api(daemon.url, `/experiments/${made.id}/cancel`, { method: "POST" });
    assert.equal((await api(daemon.url, `/experiments/${made.id}`, { method: "DELETE" })).status, 204);
    assert.equal((await api(daemon.url, `/experiments/${made.id}`)).status, 404);
    assert.deepEqual(await sql(`SELECT * FROM trial WHERE experiment_id = ${made.id}`), []);
});

test("a running experiment is cancelled and deleted in one go where that is forced", async () => {
    const made = await submit(daemon.url, LONG);
    const wrong = await api(daemon.url, `/experiments/${made.id}?forced`, { method: "DELETE" });
    assert.equal(wrong.status, 422);
    const gone = await api(daemon.url, `/experiments/${made.id}?force=true`, { method: "DELETE" });
    assert.equal(gone.status, 204, gone.text);
    assert.equal((await api(daemon.url, `/experiments/${made.id}`)).status, 404);
    const done = await submit(daemon.url, { ...GRID, space: { layers: 1, width: 4, epochs: 1 } });
    await finished(daemon.url, done.id);
    assert.equal((await api(daemon.url, `/experiments/${done.id}?force=true`, { method: "DELETE" })).status, 204);
});

test("orders that come at once are carried out one after the other", async () => {
    for (let round = 0; round < 5; round++) {
        const made = await submit(daemon.url, LONG);
        const orders = ["pause", "cancel", "pause", "resume", "cancel"].map((order) =>
            api(daemon.url, `/experiments/${made.id}/${order}`, { method: "POST" }));
        for (const answer of await Promise.all(orders)) {
            assert.ok([202, 409].includes(answer.status), answer.text);
            assert.doesNotMatch(answer.text, /busy/);
        }
        assert.equal((await get(`/experiments/${made.id}`)).state, "cancelled");
    }
});

test("a search starts paused where told so, and pauses and resumes", async () => {
    const made = await submit(daemon.url, { ...GRID, start: false });
    assert.equal(made.state, "paused");
    const resumed = await api(daemon.url, `/experiments/${made.id}/resume`, { method: "POST" });
    assert.equal(resumed.status, 202, resumed.text);
    assert.equal((await finished(daemon.url, made.id)).state, "completed");

    const long = await submit(daemon.url, LONG);
    const paused = await api(daemon.url, `/experiments/${long.id}/pause`, { method: "POST" });
    assert.equal(paused.json.state, "paused");
    assert.equal((await api(daemon.url, `/experiments/${long.id}/pause`, { method: "POST" })).status, 409);
    await api(daemon.url, `/experiments/${long.id}/cancel`, { method: "POST" });
});

test("?wait holds the answer until the experiment ends", async () => {
    const made = await submit(daemon.url, GRID);
    const waited = await get(`/experiments/${made.id}?wait=60`);
    assert.equal(waited.state, "completed");
});

test("two searches share the workers", async () => {
    const long = await submit(daemon.url, LONG);
    const short = await submit(daemon.url, GRID);
    /* The long one's folds hold every worker for good; one that is cancelled makes room. */
    await api(daemon.url, `/experiments/${long.id}/cancel`, { method: "POST" });
    assert.equal((await finished(daemon.url, short.id)).state, "completed");
});

test("folds of the data's own column are the folds of predefined", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${Math.sin(i)},${i % 4},${i % 2 ? "a" : "b"}`);
    const sent = await api(daemon.url, "/datasets?name=folded&fold=f",
                           { method: "POST", body: `x,f,t\n${rows.join("\n")}\n` });
    assert.equal(sent.status, 201, sent.text);
    const made = await submit(daemon.url, { dataset: "folded", space: { layers: 1, width: 4, epochs: 2 } });
    const done = await finished(daemon.url, made.id);
    assert.equal(done.progress.folds, 4);
    const plan = cells((await api(daemon.url, `/experiments/${made.id}/folds.csv`)).text).slice(1);
    assert.ok(plan.every(([row, , fold]) => Number(fold) === ((Number(row) - 1) % 4) + 1));
});

test("rows whose split is test are seen by no trial", async () => {
    const rows = Array.from({ length: 60 }, (_, i) =>
        `${Math.cos(i)},${i % 3 ? "train" : "test"},${Math.cos(i) > 0 ? "a" : "b"}`);
    await api(daemon.url, "/datasets?name=splitted&split=s",
              { method: "POST", body: `x,s,t\n${rows.join("\n")}\n` });
    const made = await submit(daemon.url, { dataset: "splitted", space: { layers: 1, width: 4, epochs: 2 } });
    await finished(daemon.url, made.id);
    const plan = cells((await api(daemon.url, `/experiments/${made.id}/folds.csv`)).text).slice(1);
    assert.equal(plan.filter(([, , fold]) => fold === "sealed").length, 20);
});
