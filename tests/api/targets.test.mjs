/*
 * Several targets: every metric of each by itself, under its name in the header, beside the mean;
 * and any of them may decide.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit } from "../lib/daemon.mjs";

const run = promisify(execFile);

/* ---- the table ------------------------------------------------------------------------------- */

const N = 60;
const TARGETS = ["height (cm)", "a:b \"ä\"", "x,y"];
const ROWS = Array.from({ length: N }, (_, i) => {
    const a = Number(Math.sin(i * 1.7).toFixed(6)), b = Number(Math.cos(i * i * 0.3).toFixed(6));
    const targets = [170 + 12 * a - 5 * b + 3 * Math.sin(i * i),
                     0.5 * a * b - 0.2 * b + 0.05 * Math.cos(i * 3),
                     -4 * a + 7 * b + 20 * Math.sin(i * 5.3)];
    return [a, b, i % 3 + 1, ...targets.map((y) => Number(y.toFixed(6)))];
});

async function send(url, name, rows = ROWS, targets = TARGETS) {
    const header = ["a", "b", "fold", ...targets].map((s) => `"${s.replaceAll("\"", "\"\"")}"`);
    const numbers = targets.map((_, j) => 4 + j).join(",");
    const answer = await api(url, `/datasets?name=${name}&fold=fold&target=${numbers}`,
        { method: "POST", body: [header, ...rows].map((r) => `${r.join(",")}\n`).join("") });
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(answer.json.target, targets);
}

/*
 * Scores of a linear model, the minimum of least squares, which has only one answer: scikit-learn
 * 1.9.1, LinearRegression on the training rows of folds 1 to 3, then its metrics with
 * multioutput="raw_values"; spearman by SciPy 1.17.1. [metric][fold][target]
 */
const VALIDATION = {
    r2: [[0.916079368, 0.471857295, 0.0208201604], [0.940012036, 0.242267142, 0.00804597842],
         [0.935198735, 0.319768583, -0.0103988449]],
    rmse: [[2.34110507, 0.207609472, 13.1220643], [2.04505722, 0.216103271, 13.7410272],
           [2.07966507, 0.211460991, 15.0246586]],
    mse: [[5.48077294, 0.0431016927, 172.188573], [4.18225902, 0.0467006237, 188.815828],
          [4.3250068, 0.0447157509, 225.740366]],
    mae: [[2.09443916, 0.165197195, 11.9555747], [1.81459189, 0.162927445, 12.3506946],
          [1.74284039, 0.177391207, 14.0791855]],
    median_ae: [[2.25763056, 0.145676364, 11.4696936], [1.93117229, 0.132755475, 13.411734],
                [1.84055745, 0.183991148, 16.2218837]],
    mape: [[0.0124964078, 1.10135026, 1.00398619], [0.0107350965, 2.22519116, 1.40108444],
           [0.0102271087, 2.8707687, 0.971794577]],
    explained_variance: [[0.91754023, 0.496626938, 0.0432511053],
                         [0.941718182, 0.253361552, 0.00992460238],
                         [0.935757855, 0.321085815, -0.00546411168]],
    spearman: [[0.959398496, 0.753383459, 0.207518797], [0.932330827, 0.587969925, 0.0917293233],
               [0.936842105, 0.511278195, -0.0345864662]],
};
const TRAIN_R2 = [[0.943059322, 0.325695394, 0.00941461266], [0.93511084, 0.459951306, 0.0282504096],
                  [0.935812112, 0.448589062, 0.0376847759]];
const METRICS = Object.keys(VALIDATION);

/* The weights are float32, and lbfgs ends where the loss does not fall any more. */
const isNear = (got, want) => Math.abs(got - want) <= 1e-4 * Math.abs(want) + 1e-5;
const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;

const LINEAR = { hidden: [[]], optimizer: "lbfgs", epochs: 50 };
/* Which trial is best depends on the target. */
const SEARCH = { sampler: "grid",
                 space: { hidden: [[], [4], [16]], learning_rate: [0.01, 0.1], epochs: 40 } };

let daemon;
let folder;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-targets-"));
    daemon = await startDaemon();
    await send(daemon.url, "three");
});
after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true, force: true });
});

async function trained(url, definition) {
    const made = await submit(url, definition);
    const done = await finished(url, made.id);
    assert.equal(done.state, "completed", done.error);
    return done;
}

/* ---- scores ---------------------------------------------------------------------------------- */

test("each target's own metrics are scikit-learn's, and the mean over them is the metric", async () => {
    const done = await trained(daemon.url, { dataset: "three", space: LINEAR });
    const trial = (await api(daemon.url, `/experiments/${done.id}/trials/1`)).json;
    const names = [...METRICS, ...TARGETS.flatMap((t) => METRICS.map((m) => `${m}:${t}`))];

    assert.deepEqual(Object.keys(trial.scores), names);
    for (const [k, fold] of trial.folds.entries()) {
        assert.deepEqual(Object.keys(fold.validation), names);
        for (const m of METRICS) {
            TARGETS.forEach((t, j) => {
                const got = fold.validation[`${m}:${t}`], want = VALIDATION[m][k][j];
                assert.ok(isNear(got, want), `${m}:${t} of fold ${k + 1} is ${got}, want ${want}`);
            });
            assert.ok(isNear(fold.validation[m], mean(TARGETS.map((t) => fold.validation[`${m}:${t}`]))));
        }
        TARGETS.forEach((t, j) => assert.ok(isNear(fold.train[`r2:${t}`], TRAIN_R2[k][j])));
    }
    for (const name of names) {
        assert.ok(isNear(trial.scores[name].mean, mean(trial.folds.map((f) => f.validation[name]))));
        assert.ok(isNear(trial.scores[name].train_mean, mean(trial.folds.map((f) => f.train[name]))));
    }

    const { stdout } = await run("sqlite3", ["-readonly", "-json", daemon.db,
        "SELECT fold, metric, train, validation FROM fold_scores" +
        ` WHERE experiment_id = ${done.id} AND metric LIKE 'r2:%'`]);
    const rows = JSON.parse(stdout);
    assert.equal(rows.length, 9);
    for (const row of rows)
        assert.equal(row.validation, trial.folds[row.fold - 1].validation[row.metric]);
});

test("one target has no metrics of its own beside the others", async () => {
    await send(daemon.url, "one", ROWS.map((r) => r.slice(0, 4)), TARGETS.slice(0, 1));
    const done = await trained(daemon.url, { dataset: "one", space: LINEAR });
    const trial = (await api(daemon.url, `/experiments/${done.id}/trials/1`)).json;
    assert.deepEqual(Object.keys(trial.scores), METRICS);
});

/* ---- deciding -------------------------------------------------------------------------------- */

test("a metric of one target decides: score, rank, best, leaderboard and curves are its own", async () => {
    for (const [metric, sign] of [["r2:a:b \"ä\"", -1], ["rmse:x,y", 1]]) {
        const done = await trained(daemon.url, { dataset: "three", metric, ...SEARCH });
        const { items } = (await api(daemon.url, `/experiments/${done.id}/trials?sort=rank`)).json;

        assert.equal(done.metric, metric);
        assert.equal(done.definition.metric, metric);
        assert.equal(done.direction, sign < 0 ? "maximize" : "minimize");
        assert.equal(items.length, 6);
        for (const [i, t] of items.entries()) {
            assert.equal(t.rank, i + 1);
            assert.equal(t.metric, metric);
            assert.equal(t.score, t.scores[metric].mean);
            assert.ok(i === 0 || sign * (t.score - items[i - 1].score) >= 0, "best first");
        }
        assert.equal(done.best.trial, items[0].trial);
        assert.equal(done.best.score, items[0].score);

        const { folds } = (await api(daemon.url, `/experiments/${done.id}/trials/1`)).json;
        const curves = (await api(daemon.url, `/experiments/${done.id}/trials/1/curves`)).json;
        const last = curves.folds[0].validation_score.at(-1);
        assert.ok(isNear(last, folds[0].validation[metric]));

        const { stdout } = await run("sqlite3", ["-readonly", "-json", daemon.db,
            `SELECT trial, metric, cv_mean FROM leaderboard WHERE experiment_id = ${done.id} AND rank = 1`]);
        assert.deepEqual(JSON.parse(stdout),
                         [{ trial: items[0].trial, metric, cv_mean: items[0].score }]);
    }
});

test("a metric of a target that is not there is refused with the targets that are", async () => {
    const cases = [
        ["three", "r2:height", "metric \"r2:height\": data set \"three\" has no target \"height\"; " +
            "known: height (cm), a:b \"ä\", x,y"],
        ["three", "r3:x,y", /^metric "r3:x,y": .*known: r2, rmse, /],
        ["three", "accuracy:x,y", /known: r2, rmse, /],
        ["one", "r2:height (cm)", "metric \"r2:height (cm)\": data set \"one\" has one target: say \"r2\""],
    ];
    for (const [dataset, metric, detail] of cases) {
        const answer = await api(daemon.url, "/experiments/validate", { json: { dataset, metric } });
        assert.equal(answer.status, 422, metric);
        assert.equal(answer.json.errors.length, 1);
        assert.equal(answer.json.errors[0].pointer, "/metric");
        if (typeof detail === "string")
            assert.equal(answer.json.errors[0].detail, detail);
        else
            assert.match(answer.json.errors[0].detail, detail);
    }
});

test("where a target does not vary on a fold, the warning names it", async () => {
    await send(daemon.url, "flat", ROWS.map((r) => (r[2] === 2 ? [...r.slice(0, 5), 1.5] : r)));
    const done = await trained(daemon.url, { dataset: "flat", space: LINEAR });
    const trial = (await api(daemon.url, `/experiments/${done.id}/trials/1`)).json;

    assert.equal(trial.folds[1].validation["r2:x,y"], null);
    assert.equal(typeof trial.folds[1].validation["r2:height (cm)"], "number");
    assert.ok(trial.warnings.includes("fold 2: r2:x,y is undefined on this fold"));
    assert.ok(!trial.warnings.some((w) => w.includes("height")));
});

/* ---- what stays ------------------------------------------------------------------------------ */

test("after kill -9 the finished folds' own scores are read back", async () => {
    const definition = { dataset: "three", metric: "r2:x,y", sampler: "grid",
                         space: { hidden: [[16], [32]], learning_rate: [0.001, 0.01], epochs: 1500 } };
    const strip = ({ items }) => items.map(({ trial, rank, score, score_std, scores }) =>
        ({ trial, rank, score, score_std, scores }));
    const list = async (url, id) => strip((await api(url, `/experiments/${id}/trials`)).json);
    const whole = await trained(daemon.url, definition);
    const undisturbed = await list(daemon.url, whole.id);

    const db = path.join(folder, "killed.db");
    const first = await startDaemon({ db, args: ["--threads", "1"] });
    await send(first.url, "three");
    const made = await submit(first.url, definition);
    let seen = 0;
    while (seen < 2) /* within the first trial */
        seen = (await api(first.url, `/experiments/${made.id}`)).json.progress.folds_done;
    await first.kill9();
    const second = await startDaemon({ db });
    assert.equal((await finished(second.url, made.id)).state, "completed");
    assert.deepEqual(await list(second.url, made.id), undisturbed);
    await second.stop();
});

test("sealed rows are scored by each target's own metrics too", async () => {
    const metric = "r2:x,y";
    const done = await trained(daemon.url,
        { dataset: "three", metric, sealed: { fraction: 0.2 }, space: LINEAR });
    await api(daemon.url, `/experiments/${done.id}/unseal`, { method: "POST" });
    const { unsealed } = (await api(daemon.url, `/experiments/${done.id}?wait=60`)).json;

    assert.equal(unsealed.state, "completed");
    assert.equal(Object.keys(unsealed.scores).length, 4 * METRICS.length);
    assert.equal(typeof unsealed.scores[metric].test, "number");
    assert.ok(isNear(unsealed.scores.r2.test, mean(TARGETS.map((t) => unsealed.scores[`r2:${t}`].test))));
});

test("the list of metrics says which there are of one target", async () => {
    const { metrics } = (await api(daemon.url, "")).json;
    for (const m of metrics)
        assert.equal(m.of_one_target, m.task === "regression" ? `${m.name}:NAME` : undefined, m.name);
});
