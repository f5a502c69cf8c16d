/*
 * A database of any earlier schema is opened, kept as it was in a copy, migrated, and its searches go
 * on. The older databases are made of the newest one's rows: the migrations up to theirs, and of each
 * table the columns that it had then.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const FOLDER = new URL("../../migrations/", import.meta.url);
const MIGRATIONS = (await readdir(FOLDER)).filter((name) => name.endsWith(".sql")).sort();
const STUDIES_SINCE = 5;
const NOT_COPIED = ["migration", "event", "idempotency"]; /* of a schema's own, or of a day */

const SEARCH = { dataset: "iris", sampler: "tpe", concurrency: 4, budget: { trials: 40 }, seed: 3,
                 cross_validation: { folds: 3 },
                 space: { layers: [1, 2], width: { min: 2, max: 16 }, activation: ["relu", "tanh"],
                          learning_rate: { min: 1e-3, max: 1e-1, scale: "log" }, epochs: 40 } };
const STUDY = { objective: { name: "loss", direction: "minimize" }, space: { x: { min: 0, max: 1 } } };

let folder, source, running, completed, study, expected, folds;

async function ask(db, query) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query], { maxBuffer: 1 << 26 });
    return stdout ? JSON.parse(stdout) : [];
}

/* Through standard input: a migration is longer than an argument had better be. */
async function write(db, text) {
    const shell = spawn("sqlite3", ["-bail", db], { stdio: ["pipe", "ignore", "inherit"] });
    shell.stdin.end(text);
    const [code] = await once(shell, "close");
    assert.equal(code, 0);
}

/* The leaderboards of both searches without their last column, seconds. */
async function tables(url) {
    const texts = await Promise.all([completed, running].map(async (id) =>
        (await api(url, `/experiments/${id}/trials.csv`)).text));
    return texts.flatMap((text) => text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(","))));
}

const foldRows = (db) => ask(db, `SELECT experiment_id, trial, repeat, fold, seconds, finished_at_ms,
    weights_hash FROM fold ORDER BY 1, 2, 3, 4`);

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-upgrade-"));
    source = path.join(folder, "source.db");
    const db = path.join(folder, "live.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    completed = (await submit(first.url, { ...SEARCH, name: "done", seed: 4, budget: { trials: 6 } })).id;
    await finished(first.url, completed);
    study = (await submit(first.url, STUDY)).id;
    await api(first.url, `/experiments/${study}/ask`, { json: {} });
    running = (await submit(first.url, SEARCH)).id;
    while ((await api(first.url, `/experiments/${running}`)).json.progress.trials_done < 8)
        await new Promise((resolve) => setTimeout(resolve, 10));
    await first.kill9();
    await run("sqlite3", [db, `VACUUM INTO '${source}'`]);
    folds = await foldRows(source);
    assert.equal((await ask(source, `SELECT state FROM experiment WHERE id = ${running}`))[0].state, "running");
    const second = await startDaemon({ db });
    await finished(second.url, running);
    expected = await tables(second.url);
    await second.stop();
});
after(async () => { await rm(folder, { recursive: true, force: true }); });

/* A database as the build of schema `n` left it, killed in the middle of a search. */
async function makeOld(db, n) {
    const names = MIGRATIONS.slice(0, n);
    const files = await Promise.all(names.map((name) => readFile(new URL(name, FOLDER), "utf8")));
    const notes = files.map((text, i) => `INSERT INTO migration VALUES (${i + 1}, '${names[i]}',
        '${createHash("sha256").update(text).digest("hex")}', 1);`);
    await write(db, files.map((text, i) => `BEGIN;${text}\n${notes[i]}COMMIT;`).join("\n"));
    const columns = await ask(db, `SELECT m.name AS "table", group_concat(c.name) AS names
        FROM sqlite_master m, pragma_table_info(m.name) c
       WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.rowid ORDER BY m.rowid`);
    await write(db, `ATTACH '${source}' AS source; PRAGMA foreign_keys = ON; BEGIN;
        ${columns.filter((c) => !NOT_COPIED.includes(c.table)).map(({ table, names }) =>
            `INSERT INTO main.${table} (${names}) SELECT ${names} FROM source.${table};`).join("\n")}
        ${n < STUDIES_SINCE ? "DELETE FROM experiment WHERE dataset_id IS NULL;" : ""} COMMIT;`);
}

for (let n = 1; n < MIGRATIONS.length; n++)
    test(`a database of schema ${n} is migrated, a copy is kept, and its search goes on`, async () => {
        const db = path.join(folder, `schema-${n}.db`);
        await makeOld(db, n);
        const daemon = await startDaemon({ db });
        assert.match(daemon.stderr(),
                     new RegExp(`schema ${n} was migrated to ${MIGRATIONS.length}; a copy is in`));
        assert.equal((await finished(daemon.url, running)).state, "completed");
        assert.deepEqual(await tables(daemon.url), expected);
        if (n >= STUDIES_SINCE) {
            const told = await api(daemon.url, `/experiments/${study}/trials/1/tell`, { json: { score: 1 } });
            assert.equal(told.status, 200, told.text);
        }
        await daemon.stop();
        const now = new Map((await foldRows(db)).map((row) => [Object.values(row).slice(0, 4).join(), row]));
        for (const row of folds)
            assert.deepEqual(now.get(Object.values(row).slice(0, 4).join()), row, "it is not trained again");
        assert.deepEqual(await ask(db, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
        assert.deepEqual(await ask(db, "PRAGMA foreign_key_check"), []);
        const copy = `${db}.schema-${n}.bak`;
        assert.deepEqual(await ask(copy, "PRAGMA user_version"), [{ user_version: n }]);
        assert.deepEqual(await foldRows(copy), folds);
    });
