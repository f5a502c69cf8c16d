/* `sweepd run`: a search to its end without a server. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, startSweepd, submit, sweepd, until, upload }
    from "../lib/daemon.mjs";

const run = promisify(execFile);
const BINARY = path.resolve(process.env.SWEEPD ?? "build/sweepd");
const IRIS = new URL("../data/iris.csv", import.meta.url).pathname;
const SMALL = { sampler: "grid", space: { width: [4, 8, 16], activation: ["relu", "tanh"],
                                          epochs: 10 } };
const LONG = { sampler: "grid", seed: 3,
               space: { layers: [1, 2], width: [16, 32], activation: ["relu", "tanh"],
                        epochs: 60 } };
const LONG_FOLDS = 40;

let folder;
before(async () => { folder = await mkdtemp(path.join(tmpdir(), "sweepd-run-")); });
after(async () => { await rm(folder, { recursive: true, force: true }); });

async function write(name, definition) {
    const file = path.join(folder, name);
    await writeFile(file, typeof definition === "string" ? definition : JSON.stringify(definition));
    return file;
}

const database = (name) => path.join(folder, name);

async function rows(db, sql) {
    const { stdout } = await run("sqlite3", ["-readonly", "-json", db, sql]);
    return stdout ? JSON.parse(stdout) : [];
}

const folds = (db, where = "1") => rows(db,
    `SELECT experiment_id, trial, repeat, fold, finished_at_ms, weights_hash FROM fold
      WHERE ${where} ORDER BY 1, 2, 3, 4`);

/* The leaderboard without its last column, seconds. */
async function leaderboard(url, id) {
    const { text } = await api(url, `/experiments/${id}/trials.csv`);
    return text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(",")));
}

test("it finds what the daemon finds, bit for bit, and prints the leaderboard", async () => {
    const db = database("same.db");
    const file = await write("same.json", SMALL);
    const done = await sweepd(["run", file, "--data", IRIS, "--target", "species", "--db", db]);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /^iris-1: completed \(space_exhausted\); accuracy/);
    assert.equal(done.stdout.match(/  completed  /g).length, 6);
    assert.match(done.stderr, /30\/30 folds/);
    assert.doesNotMatch(done.stderr, /\r/, "no line is written over where there is no terminal");

    const alone = await startDaemon({ db });
    const found = await leaderboard(alone.url, 1);
    await alone.stop();

    const daemon = await startDaemon();
    await upload(daemon.url, "iris", "&target=species");
    const made = await submit(daemon.url, { ...SMALL, dataset: "iris" });
    await finished(daemon.url, made.id);
    assert.deepEqual(found, await leaderboard(daemon.url, made.id));
    await daemon.stop();
});

test("all faults of a definition are told with their places, and nothing is stored", async () => {
    const db = database("bad.db");
    const file = await write("bad.json", { space: { width: ["a", 2], layerz: 1 }, seed: -1 });
    const { status, stdout, stderr } = await sweepd(["run", file, "--data", IRIS, "--db", db]);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    for (const place of ["/space/width/0", "/space/layerz", "/seed"])
        assert.ok(stderr.includes(`${file}: ${place}: `), `${place} in ${stderr}`);
    assert.deepEqual(await rows(db, "SELECT id FROM experiment"), []);
});

test("what cannot be read is named, with status 2", async () => {
    const file = await write("good.json", SMALL);
    const cut = await write("cut.json", '{"space": {');
    const empty = await write("empty.csv", "");
    const db = ["--db", database("unread.db")];
    for (const [args, text] of [[["run"], /usage: sweepd run DEFINITION/],
                                [["run", file], /--data TABLE is missing/],
                                [["run", "none.json", "--data", IRIS], /could not open "none.json"/],
                                [["run", file, "--data", "none.csv"], /could not open "none.csv"/],
                                [["run", file, "--data", empty], /empty.csv" is empty/],
                                [["run", file, "--data", IRIS, "--tagret", "x"], /unknown option/],
                                [["run", file, "--data", IRIS, "--target", "x"], /"x": no such/],
                                [["run", cut, "--data", IRIS], /cut.json: .*line 1, column/]]) {
        const { status, stderr } = await sweepd([...args, ...db]);
        assert.equal(status, 2, args.join(" "));
        assert.match(stderr, text);
    }
});

/* Starts a search and ends it after some folds. A machine that is done before the signal comes gets
 * a longer one. */
async function interrupt(signal) {
    for (const epochs of [60, 300, 1500, 7500]) {
        const db = database(`${signal}-${epochs}.db`);
        const definition = { ...LONG, space: { ...LONG.space, epochs } };
        const args = ["run", await write("long.json", definition), "--data", IRIS, "--db", db];
        const seen = async () =>
            rows(db, "SELECT count(*) AS n FROM fold").then(([r]) => r.n, () => 0);
        const child = startSweepd([...args, "--threads", "1"]);
        await until(async () => await seen() >= 3);
        child.kill(signal);
        const how = await child.ended;
        if (await seen() < LONG_FOLDS)
            return { db, args, child, how };
    }
    throw new Error("every search ended before its signal");
}

for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"])
    test(`after ${signal} the same command goes on where it stopped`, async () => {
        const { db, args, child, how } = await interrupt(signal);
        if (signal !== "SIGKILL") {
            assert.equal(how.code, 1);
            assert.match(child.text(), /the same command goes on from here/);
        }
        const kept = await folds(db);
        assert.ok(kept.length >= 3);

        const second = await sweepd(args);
        assert.equal(second.status, 0, second.stderr);
        assert.deepEqual(await rows(db, "SELECT id, state FROM experiment"),
                         [{ id: 1, state: "completed" }]);
        const now = await folds(db);
        assert.equal(now.length, LONG_FOLDS);
        for (const row of kept)
            assert.ok(now.some((r) => JSON.stringify(r) === JSON.stringify(row)),
                      "a finished fold is not trained again");
    });

test("once it has ended the same command shows the leaderboard and trains nothing", async () => {
    const db = database("again.db");
    const args = ["run", await write("again.json", { ...SMALL, name: "named" }), "--data", IRIS,
                  "--db", db];
    const first = await sweepd(args);
    const before = await folds(db);
    const again = async (more) => sweepd([args[0], await write("other.json",
        { ...SMALL, name: "named", ...more }), ...args.slice(2)]);
    for (const labels of [{}, { notes: "for the paper", tags: ["a"], priority: 2 }]) {
        const second = await again(labels);
        assert.equal(second.status, 0);
        assert.equal(second.stdout, first.stdout);
    }
    assert.deepEqual(await folds(db), before);
    assert.equal((await again({ seed: 2 })).status, 0);
    assert.equal((await rows(db, "SELECT id FROM experiment")).length, 2,
                 "another definition is another experiment");
});

test("what others left unfinished in the database rests", async () => {
    const db = database("others.db");
    const daemon = await startDaemon({ db, args: ["--threads", "1"] });
    await upload(daemon.url, "iris");
    const long = await submit(daemon.url,
        { ...LONG, dataset: "iris", space: { ...LONG.space, epochs: 7500 } });
    await until(async () =>
        (await api(daemon.url, `/experiments/${long.id}`)).json.progress.folds_done > 0);
    await daemon.kill9();
    const before = await folds(db, `experiment_id = ${long.id}`);
    const done = await sweepd(["run", await write("own.json", SMALL), "--data", IRIS, "--db", db]);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(await folds(db, `experiment_id = ${long.id}`), before);
    assert.equal((await folds(db, `experiment_id <> ${long.id}`)).length, 30);
});

test("the table takes the place of \"dataset\", and \"start\": false does not keep it waiting",
     async () => {
    const db = database("start.db");
    const file = await write("start.json", { ...SMALL, dataset: "elsewhere", start: false });
    const done = await sweepd(["run", file, "--data", IRIS, "--name", "flowers", "--db", db]);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(await rows(db, "SELECT dataset, state FROM experiment_summary"),
                     [{ dataset: "flowers", state: "completed" }]);
});

test("on a terminal it draws a bar over itself", async () => {
    const file = await write("bar.json", SMALL);
    const { stdout } = await run("script", ["-qec",
        `${BINARY} run ${file} --data ${IRIS} --db ${database("bar.db")}`, "/dev/null"]);
    assert.match(stdout, /\r\[[#.]+\] .*folds/);
    assert.match(stdout, /\r\[#+\] 30\/30 folds, 6\/6 trials, best 0\.\d+/);
});

test("it is refused while a daemon holds the database", async () => {
    const daemon = await startDaemon();
    const { status, stderr } = await sweepd(["run", await write("held.json", SMALL), "--data", IRIS,
                                             "--db", daemon.db]);
    await daemon.stop();
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`held by process ${daemon.pid}`));
});
