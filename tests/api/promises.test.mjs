/*
 * The promises: the same question gives the same answer, for any number of threads, any kernel and
 * after any crash; and nothing finished is lost.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);

const DEFINITION = {
    dataset: "iris", sampler: "grid", seed: 11,
    space: { layers: [1, 12], width: [7, 16], activation: ["relu", "tanh", "sigmoid"],
             optimizer: ["adam", "sgd"], momentum: 0.9, learning_rate: 0.01, epochs: 12,
             l2: 0.001, batch_size: 16 } };

/* The leaderboard without its last column, seconds; then the trials' warnings. */
async function table(url, id) {
    const { text } = await api(url, `/experiments/${id}/trials.csv`);
    const { items } = (await api(url, `/experiments/${id}/trials`)).json;
    const warnings = items.flatMap((t) => t.warnings.map((w) => `${t.trial}: ${w}`));
    assert.ok(warnings.some((w) => w.includes("vanish")), "twelve layers of sigmoid are among them");
    return text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(","))).concat(warnings)
        .join("\n");
}

async function search(options, definition = DEFINITION) {
    const daemon = await startDaemon(options);
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, definition);
    const done = await finished(daemon.url, made.id, 120);
    const rows = await table(daemon.url, made.id);
    await daemon.stop();
    assert.equal(done.state, "completed");
    return rows;
}

let undisturbed;
let folder;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-promises-"));
    undisturbed = await search({ args: ["--threads", "1"] });
});
after(async () => { await rm(folder, { recursive: true, force: true }); });

test("one thread and two give the same bytes", async () => {
    assert.equal(await search({ args: ["--threads", "2"] }), undisturbed);
});

/* Missing values, words, weights, a row without a target. */
const MIXED = ["size,colour,weight,price", ...Array.from({ length: 40 }, (_, i) =>
    `${i % 7 ? i * 0.37 : ""},${["red", "green", "", "blue"][i % 4]},${1 + i % 3},` +
    (i === 5 ? "" : 3 * i + i % 5))].join("\n");

async function hashes(restart) {
    const db = path.join(folder, `mixed-${restart}.db`);
    let daemon = await startDaemon({ db });
    const body = await api(daemon.url, "/datasets?name=mixed&target=price&weight=weight",
                           { method: "POST", body: MIXED });
    assert.equal(body.status, 201, body.text);
    if (restart) {
        await daemon.stop();
        daemon = await startDaemon({ db });
    }
    const made = await submit(daemon.url, { dataset: "mixed", sampler: "grid",
        space: { width: [4, 24], missing_indicator: [true, false], epochs: 3 } });
    await finished(daemon.url, made.id);
    await daemon.stop();
    return (await foldRows(db)).map((f) => f.weights_hash);
}

test("a table that was just uploaded and one that is loaded give the same bits", async () => {
    assert.deepEqual(await hashes(false), await hashes(true));
});

test("every kernel of this machine gives the same bytes", async () => {
    const daemon = await startDaemon();
    const { kernels } = (await api(daemon.url, "")).json;
    await daemon.stop();
    assert.match(kernels, /reference/);
    for (const kernel of kernels.split(", "))
        assert.equal(await search({ env: { SWEEPD_KERNEL: kernel } }), undisturbed, kernel);
});

async function foldRows(db) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db,
        "SELECT trial, repeat, fold, finished_at_ms, weights_hash FROM fold ORDER BY 1, 2, 3"]);
    return stdout ? JSON.parse(stdout) : [];
}

for (const share of [0.05, 0.25, 0.5, 0.75, 0.95])
    test(`kill -9 after ${100 * share} % of the folds loses none of them`, async () => {
        const db = path.join(folder, `killed-${share}.db`);
        const first = await startDaemon({ db, args: ["--threads", "2"] });
        await upload(first.url, "iris");
        const made = await submit(first.url, DEFINITION);
        let seen = 0;
        while (seen < share * made.progress.folds)
            seen = (await api(first.url, `/experiments/${made.id}`)).json.progress.folds_done;
        await first.kill9();

        const kept = await foldRows(db);
        assert.ok(kept.length >= seen, `${seen} folds were reported, ${kept.length} are kept`);
        const second = await startDaemon({ db, args: ["--threads", "2"] });
        const done = await finished(second.url, made.id, 120);
        assert.equal(done.state, "completed");
        assert.equal(await table(second.url, made.id), undisturbed);
        await second.stop();

        const now = new Map((await foldRows(db)).map((r) => [`${r.trial}/${r.repeat}/${r.fold}`, r]));
        for (const row of kept)
            assert.deepEqual(now.get(`${row.trial}/${row.repeat}/${row.fold}`), row,
                             "a finished fold is not trained again");
        const { stdout } = await run("sqlite3", ["-readonly", db, "PRAGMA integrity_check"]);
        assert.equal(stdout.trim(), "ok");
    });

test("an experiment that nobody heard of before kill -9 is there if its answer came", async () => {
    const db = path.join(folder, "acknowledged.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const made = await submit(first.url, { ...DEFINITION, start: false });
    await first.kill9();
    const second = await startDaemon({ db });
    const { json } = await api(second.url, `/experiments/${made.id}`);
    assert.equal(json.state, "paused");
    assert.deepEqual(json.definition, made.definition);
    await second.stop();
});

test("SIGTERM ends the daemon with status 0 within five seconds, and the search goes on after it", async () => {
    const db = path.join(folder, "stopped.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const made = await submit(first.url, DEFINITION);
    const how = await first.stop();
    assert.deepEqual([how.code, how.signal], [0, null]);
    assert.ok(how.milliseconds < 5000, `${how.milliseconds} ms`);
    const second = await startDaemon({ db });
    await finished(second.url, made.id, 120);
    assert.equal(await table(second.url, made.id), undisturbed);
    await second.stop();
});

test("an experiment that cannot be loaded any more fails in words, and can be deleted", async () => {
    const db = path.join(folder, "unreadable.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const made = await submit(first.url, { ...DEFINITION, start: false });
    await first.stop();
    await run("sqlite3", [db, `UPDATE experiment SET elapsed_ms = 7000, definition =
        json_set(definition, '$.sampler', 'of a later version')`]);
    const second = await startDaemon({ db });
    const { json } = await api(second.url, `/experiments/${made.id}`);
    assert.deepEqual([json.state, json.stop_reason], ["failed", "error"]);
    assert.match(json.error, /could not be loaded: .*of a later version/);
    assert.equal((await api(second.url, `/experiments/${made.id}`, { method: "DELETE" })).status, 204);
    await second.stop();
});

/* Long enough to be still running when a shell has taken hold of the database. */
const LONGER = { ...DEFINITION, space: { ...DEFINITION.space, epochs: 150 } };
let undisturbedLonger;

before(async () => { undisturbedLonger = await search({}, LONGER); });

/* A shell that holds the database until it is told to end: nothing can be written meanwhile. */
async function lock(db) {
    const shell = spawn("sqlite3", ["-cmd", ".timeout 5000", db], { stdio: ["pipe", "pipe", "inherit"] });
    shell.stdin.write("BEGIN IMMEDIATE;\n.shell echo held\n");
    await once(shell.stdout, "data");
    return async () => {
        shell.stdin.end("ROLLBACK;\n");
        await once(shell, "close");
    };
}

const ready = (daemon) => fetch(`${daemon.url}/readyz`).then((r) => r.text());

test("while the database cannot be written nobody waits for ever, and nothing is lost", async () => {
    const db = path.join(folder, "locked.db");
    const daemon = await startDaemon({ db });
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, LONGER);
    const unlock = await lock(db);
    const paused = await api(daemon.url, `/experiments/${made.id}/pause`, { method: "POST" });
    assert.equal(paused.status, 503, paused.text);
    assert.match(paused.json.detail, /cannot be stored yet/);
    assert.match(await ready(daemon), /degraded/);
    await unlock();
    while ((await api(daemon.url, `/experiments/${made.id}`)).json.state !== "paused")
        await new Promise((resolve) => setTimeout(resolve, 50));
    const resumed = await api(daemon.url, `/experiments/${made.id}/resume`, { method: "POST" });
    assert.equal(resumed.status, 202, resumed.text);
    await finished(daemon.url, made.id, 120);
    assert.equal(await table(daemon.url, made.id), undisturbedLonger);
    await daemon.stop();
});

/* Files of the daemon may have so many bytes; to write more is an error, as on a full disk. */
const limitFiles = (daemon, bytes) => run("prlimit", [`--pid=${daemon.pid}`, `--fsize=${bytes}:`]);

test("while there is no room what is there can be read, and with room it goes on by itself", async () => {
    const daemon = await startDaemon();
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, LONGER);
    await limitFiles(daemon, 4096);
    while (!/degraded/.test(await ready(daemon)))
        await new Promise((resolve) => setTimeout(resolve, 50));
    const seen = await api(daemon.url, `/experiments/${made.id}`);
    assert.deepEqual([seen.status, seen.json.state], [200, "running"]);
    assert.equal((await api(daemon.url, `/experiments/${made.id}/trials`)).status, 200);
    for (const refused of [await api(daemon.url, "/experiments", { json: LONGER }),
                           await api(daemon.url, "/datasets?name=b", { method: "POST", body: "a,b\n".repeat(9999) })]) {
        assert.ok(refused.status >= 500, refused.text);
        assert.match(refused.json.detail, /\w+ \w+/);
    }
    await limitFiles(daemon, "unlimited");
    await finished(daemon.url, made.id, 120);
    assert.equal(await table(daemon.url, made.id), undisturbedLonger);
    assert.equal((await api(daemon.url, "/experiments")).json.total, 1, "what was refused made nothing");
    assert.doesNotMatch(await ready(daemon), /degraded/);
    await daemon.stop();
});

test("a daemon that cannot write ends all the same, and the search goes on after it", async () => {
    const db = path.join(folder, "locked-stop.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const made = await submit(first.url, LONGER);
    const unlock = await lock(db);
    for (let tries = 0; !/degraded/.test(await ready(first)); tries++) {
        assert.ok(tries < 300, "it does not say that it cannot write");
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const order = api(first.url, `/experiments/${made.id}/pause`, { method: "POST" }).catch(() => {});
    const how = await first.stop();
    assert.deepEqual([how.code, how.signal], [0, null]);
    await unlock();
    await order;
    const second = await startDaemon({ db });
    await finished(second.url, made.id, 120);
    assert.equal(await table(second.url, made.id), undisturbedLonger);
    await second.stop();
});

test("a second daemon on the same database is told who holds it", async () => {
    const db = path.join(folder, "held.db");
    const first = await startDaemon({ db });
    await assert.rejects(startDaemon({ db }), new RegExp(`${first.pid}`));
    assert.equal((await api(first.url, "")).status, 200);
    await first.stop();
});

test("the database is read by another user's shell while the daemon runs and after", async () => {
    const db = path.join(folder, "read.db");
    const query = `SELECT trial, hidden, activation, learning_rate, cv_mean, cv_std
                     FROM leaderboard ORDER BY rank LIMIT 5`;
    const daemon = await startDaemon({ db });
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, DEFINITION);
    await run("sqlite3", ["-readonly", db, query]);
    await finished(daemon.url, made.id, 120);
    const during = (await run("sqlite3", ["-readonly", db, query])).stdout;
    await daemon.stop();
    assert.equal((await run("sqlite3", ["-readonly", db, query])).stdout, during);
    assert.equal(during.trim().split("\n").length, 5);
});

test("validation rows do not reach training", async () => {
    /* The same training rows with other validation rows: fold 1 ends with the same weights. */
    const rows = (noise) => Array.from({ length: 90 }, (_, i) => {
        const x = i % 3 === 0 && noise ? Math.sin(1000 * i) * 50 : Math.sin(i);
        return `${x},${Math.cos(i)},${(i % 3) + 1},${Math.sin(i) > 0 ? "a" : "b"}`;
    });
    const hashes = [];
    for (const noise of [false, true]) {
        const db = path.join(folder, `leak-${noise}.db`);
        const daemon = await startDaemon({ db });
        const body = `x,z,f,t\n${rows(noise).join("\n")}\n`;
        await api(daemon.url, "/datasets?name=leak&fold=f", { method: "POST", body });
        const made = await submit(daemon.url, { dataset: "leak", space: { layers: 1, width: 8, epochs: 5 } });
        await finished(daemon.url, made.id);
        await daemon.stop();
        hashes.push((await foldRows(db)).map((r) => r.weights_hash));
    }
    assert.equal(hashes[0][0], hashes[1][0], "fold 1 validates the rows that changed");
    assert.notEqual(hashes[0][1], hashes[1][1], "fold 2 trains on them");
});
