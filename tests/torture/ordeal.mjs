/*
 * The torture itself: scenarios run side by side on one database while the daemon is killed and
 * started again. After each kill the database is looked at from outside: it is sound, every fact is
 * there, and no fold that was stored is other than it was. At the end the results are compared with
 * those of a run that nobody disturbed.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { api, startDaemon } from "../lib/daemon.mjs";
import { makeClient, sleep } from "./client.mjs";
import { prepare } from "./scenarios.mjs";

const run = promisify(execFile);
const MOST_ANSWERS = 150; /* that a daemon gives before it is killed */
const PATIENCE_MS = 300000; /* on a slow machine, under sanitizers */
const BUFFER = { maxBuffer: 1 << 28 };

/** Numbers in [0, 1), the same for the same seed (mulberry32, by Tommy Ettinger). */
export function makeRandom(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let x = Math.imul(state ^ (state >>> 15), state | 1);
        x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
        return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
    };
}

async function sql(db, query) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, query], BUFFER);
    return stdout ? JSON.parse(stdout) : [];
}

/* ---- what is in the database -------------------------------------------------------------------- */

/* Times, counters of the database, and where a number was computed or copied from. */
const VOLATILE = /_ms$|seconds$|^(experiment_id|change|kernel|reused_experiment|reused_trial)$/;

async function resultTables(db) {
    const columns = await sql(db, `SELECT m.name AS "table", json_group_array(c.name) AS names
        FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name <> 'event'
       GROUP BY 1 HAVING sum(c.name = 'experiment_id') ORDER BY 1`);
    return columns.map(({ table, names }) => [table, JSON.parse(names).filter((n) => !VOLATILE.test(n))]);
}

/** All results by the name of the scenario, as lines of text. */
export async function dump(db) {
    const results = new Map();
    const add = ({ scenario, ...row }, prefix) =>
        results.set(scenario, [...(results.get(scenario) ?? []), `${prefix} ${JSON.stringify(row)}`]);

    for (const row of await sql(db, `SELECT name AS scenario, state, stop_reason, error, planned_trials,
        definition FROM experiment ORDER BY name, id`))
        add(row, "experiment");
    for (const [table, names] of await resultTables(db)) {
        const columns = names.map((n) => `t.${n}`).join(", ");
        for (const row of await sql(db, `SELECT e.name AS scenario, ${columns}
            FROM ${table} t JOIN experiment e ON e.id = t.experiment_id ORDER BY e.name, e.id, ${columns}`))
            add(row, table);
    }
    return results;
}

/* Folds as they were when they were stored: trained again they would have other times. One that a
 * pruner cut may be trained to its end after all. */
async function foldRows(db) {
    const rows = await sql(db, `SELECT experiment_id || '/' || trial || '/' || repeat || '/' || fold AS "key",
        experiment_id, finished_at_ms, seconds, weights_hash FROM fold WHERE cut IS NULL`);
    return new Map(rows.map((row) => [row.key, row]));
}

async function checkFacts(db, [preparer, ...clients]) {
    const facts = clients.flatMap((c) => [...c.facts].map(([key, holds]) => [c.name, key, holds]));
    const lost = [];
    for (let i = 0; i < facts.length; i += 100) { /* SQLite joins at most 500 SELECTs */
        const asked = facts.slice(i, i + 100);
        const rows = await sql(db, asked.map(([, , holds], k) => `SELECT ${k} AS k WHERE NOT (${holds})`)
            .join(" UNION ALL "));
        lost.push(...rows.map(({ k }) => asked[k].join(": ")));
    }
    assert.deepEqual(lost, [], "acknowledged, but not kept");
    return facts.length;
}

/* ---- the daemon that is killed ------------------------------------------------------------------ */

/* What the clients see of it: a url, until it is gone. */
function makeServer() {
    let open, close, url = null;
    let opened = new Promise((resolve) => (open = resolve));
    let closed = new Promise((resolve) => (close = resolve));
    let onSent = () => {}, onAnswered = () => {}, n_answered = 0;
    return {
        ready: () => opened,
        gone: async (which) => { if (which === url) await closed; },
        sent: () => onSent(),
        answered: () => onAnswered(++n_answered),
        nextSent: () => new Promise((resolve) => (onSent = resolve)),
        answers: (n) => new Promise((resolve) => {
            onAnswered = (now) => { if (now >= n) resolve(); };
            onAnswered(n_answered);
        }),
        opens(at) {
            url = at;
            n_answered = 0;
            open({ url });
        },
        closes() {
            close();
            url = null;
            opened = new Promise((resolve) => (open = resolve));
            closed = new Promise((resolve) => (close = resolve));
        },
    };
}

/* After some answers, so that a slow machine gets as far as a quick one; then often just after a
 * request that writes was sent. */
async function waitForMoment(random, server) {
    await server.answers(Math.floor(MOST_ANSWERS * random() ** 2));
    if (random() < 0.5)
        await server.nextSent().then(() => sleep(4 * random()));
    else
        await sleep(20 * random());
}

/* Starts a daemon that may be killed before it is ready; null if it was. */
async function startMortal(options, kill_after_ms) {
    let killed = false, timer, died;
    const spawned = (child) => {
        died = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
        if (kill_after_ms !== null)
            timer = setTimeout(() => { killed = true; child.kill("SIGKILL"); }, kill_after_ms);
    };
    try {
        const daemon = await startDaemon({ ...options, spawned });
        clearTimeout(timer);
        if (!killed)
            return { ...daemon, died };
        await daemon.kill9();
    } catch (error) {
        if (!killed)
            throw error;
    }
    return null;
}

/**
 * Runs the scenarios on the database `db` while at most `kills` daemons are killed; each has one to
 * three `threads` unless these are given. The answer tells how many it took, and how much was checked.
 */
export async function ordeal({ db, scenarios, kills = 0, random = makeRandom(1), threads = null }) {
    const server = makeServer();
    const clients = scenarios.map(([name]) => makeClient(server, name));
    const preparer = makeClient(server, "preparation");
    const unfinished = new Set(clients);
    let all_done = false, failure = null;
    const running = prepare(preparer)
        .then(() => Promise.all(clients.map(async (c, i) => {
            await scenarios[i][1](c);
            unfinished.delete(c);
        })))
        .then(() => undefined, (error) => { failure = error; })
        .finally(() => { all_done = true; });
    const counts = { kills: 0, early: 0, facts: 0, folds: 0 };
    let kept = new Map(), start_ms = 50, kernels = [null];

    async function checkDatabase() {
        const sound = await sql(db, "PRAGMA integrity_check");
        assert.deepEqual(sound, [{ integrity_check: "ok" }]);
        counts.facts += await checkFacts(db, [preparer, ...clients]);
        const rows = await foldRows(db);
        const alive = new Set((await sql(db, "SELECT id FROM experiment")).map((e) => e.id));
        for (const [key, row] of kept)
            if (alive.has(row.experiment_id)) /* else it was deleted: a fact, if that was not asked for */
                assert.deepEqual(rows.get(key), row, "a fold that was stored is lost or trained again");
        kept = rows;
        counts.folds += rows.size;
    }

    async function live(is_mortal) {
        const kernel = kernels[Math.floor(random() * kernels.length)];
        const n_threads = threads ?? 1 + Math.floor(random() * 3);
        const options = { db, args: ["--threads", String(n_threads)],
                          env: kernel ? { SWEEPD_KERNEL: kernel } : {} };
        const is_early = is_mortal && counts.kills > 0 && random() < 0.15;
        const began = performance.now();
        const daemon = await startMortal(options, is_early ? start_ms * random() : null);
        counts.early += daemon === null;
        if (!daemon)
            return;
        start_ms = performance.now() - began;
        if (kernels[0] === null)
            kernels = (await api(daemon.url, "")).json.kernels.split(", ");
        server.opens(daemon.url);
        const moment = is_mortal ? waitForMoment(random, server) : new Promise(() => {});
        const patience = new Promise((resolve) =>
            setTimeout(resolve, PATIENCE_MS, "nothing: it hangs").unref());
        const how = await Promise.race([running, moment, daemon.died, patience]);
        assert.equal(how, undefined, `the daemon died of ${how}; not at their end: ` +
            `${[...unfinished].map((c) => c.name).join(", ")}\n${daemon.stderr()}`);
        await (is_mortal && !all_done ? daemon.kill9() : daemon.stop());
        server.closes();
    }

    while (!all_done) {
        const is_mortal = counts.kills < kills;
        await live(is_mortal);
        counts.kills += is_mortal && !all_done;
        if (is_mortal)
            await checkDatabase();
    }
    if (failure)
        throw failure;
    return counts;
}

/** A run without a kill, to compare with: what dump() gives. */
export async function undisturbed(folder, scenarios) {
    const db = path.join(folder, "undisturbed.db");
    await ordeal({ db, scenarios });
    return dump(db);
}

/** Compares scenario by scenario, so that a difference is named. */
export function assertSame(found, expected) {
    assert.deepEqual([...found.keys()], [...expected.keys()]);
    for (const [name, lines] of expected)
        assert.deepEqual(found.get(name), lines, name);
}

export async function withFolder(act) {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-torture-"));
    try {
        return await act(folder);
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}
