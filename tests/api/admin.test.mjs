/* `sweepd backup`, `restore`, `check`. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, copyFile, mkdtemp, open, readdir, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, sweepd, until, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const DEFINITION = { dataset: "iris", sampler: "grid",
                     space: { width: [8, 16, 32], batch_size: [4, 8, 16], epochs: 60 } };

let folder;
before(async () => { folder = await mkdtemp(path.join(tmpdir(), "sweepd-admin-")); });
after(async () => { await rm(folder, { recursive: true, force: true }); });

const file = (name) => path.join(folder, name);
const there = (name) => access(name).then(() => true, () => false);

/* A database with one experiment that has ended. */
async function makeDatabase(name) {
    const daemon = await startDaemon({ db: file(name) });
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, { ...DEFINITION, space: { width: [4, 8], epochs: 5 } });
    await finished(daemon.url, made.id);
    await daemon.stop();
    return file(name);
}

async function leaderboard(url) {
    const { text } = await api(url, "/experiments/1/trials.csv");
    return text.split("\r\n").map((line) => line.slice(0, line.lastIndexOf(",")));
}

test("a backup made while a search runs goes on to the same end when it is restored", async () => {
    const daemon = await startDaemon({ db: file("live.db"), args: ["--threads", "1"] });
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, DEFINITION);
    await until(async () =>
        (await api(daemon.url, `/experiments/${made.id}`)).json.progress.folds_done > 2);
    const copy = await sweepd(["backup", file("copy.db"), "--db", daemon.db]);
    assert.equal(copy.status, 0, copy.stderr);
    assert.equal((await stat(file("copy.db"))).mode & 0o777, (await stat(daemon.db)).mode & 0o777);
    await finished(daemon.url, made.id);
    const undisturbed = await leaderboard(daemon.url);
    await daemon.stop();

    const restored = await sweepd(["restore", file("copy.db"), "--db", file("restored.db")]);
    assert.equal(restored.status, 0, restored.stderr);
    const second = await startDaemon({ db: file("restored.db") });
    assert.equal((await finished(second.url, made.id)).state, "completed");
    assert.deepEqual(await leaderboard(second.url), undisturbed);
    await second.stop();
    assert.ok(!(await readdir(folder)).some((name) => name.includes("partial")));
});

test("a backup writes over nothing", async () => {
    const db = await makeDatabase("first.db");
    const taken = await makeDatabase("taken.db");
    const before = (await stat(taken)).mtimeMs;
    const { status, stderr } = await sweepd(["backup", taken, "--db", db]);
    assert.equal(status, 2);
    assert.match(stderr, /taken.db" exists already/);
    assert.equal((await stat(taken)).mtimeMs, before);
    assert.equal((await sweepd(["backup", file("x.db"), "--db", file("none.db")])).status, 2);
    assert.ok(!await there(file("x.db")) && !await there(file("none.db")));
});

test("restoring replaces a database only by --force, and never under a daemon", async () => {
    const db = await makeDatabase("old.db");
    assert.equal((await sweepd(["backup", file("old-copy.db"), "--db", db])).status, 0);
    const plain = await sweepd(["restore", file("old-copy.db"), "--db", db]);
    assert.equal(plain.status, 2);
    assert.match(plain.stderr, /exists already; --force replaces it/);

    const daemon = await startDaemon({ db });
    await upload(daemon.url, "digits");
    await symlink(db, file("link.db"));
    assert.match((await sweepd(["restore", file("old-copy.db"), "--db", file("link.db"),
                                "--force"])).stderr, /held by process/, "under any name");
    const held = await sweepd(["restore", file("old-copy.db"), "--db", db, "--force"]);
    assert.equal(held.status, 2);
    assert.match(held.stderr, new RegExp(`held by process ${daemon.pid}`));
    await daemon.kill9(); /* what it wrote last is in the WAL, which must not outlive its file */

    const forced = await sweepd(["restore", file("old-copy.db"), "--db", db, "--force"]);
    assert.equal(forced.status, 0, forced.stderr);
    assert.equal((await sweepd(["check", "--db", db])).status, 0);
    const again = await startDaemon({ db });
    assert.deepEqual((await api(again.url, "/datasets")).json.items.map((d) => d.name), ["iris"]);
    await again.stop();
});

test("a check tells of a data set that is not what was stored, and of a lost row", async () => {
    const db = await makeDatabase("changed.db");
    const sound = await sweepd(["check", "--db", db]);
    assert.equal(sound.status, 0, sound.stderr);
    assert.match(sound.stdout, /is sound; data sets compared with their hashes: 1/);
    await run("sqlite3", [db, `UPDATE dataset SET content_hash = '${"0".repeat(64)}'`]);
    const changed = await sweepd(["check", "--db", db]);
    assert.equal(changed.status, 1);
    assert.match(changed.stdout, /^data set 1 "iris": its content has the hash [0-9a-f]{16}/m);

    const lost = await makeDatabase("lost.db");
    await run("sqlite3", [lost, "PRAGMA foreign_keys = OFF; DELETE FROM trial WHERE trial = 2"]);
    const found = await sweepd(["check", "--db", lost]);
    assert.equal(found.status, 1);
    assert.match(found.stdout, /^reference: row \d+ of \w+ refers to a row of trial/m);
    const refused = await sweepd(["restore", lost, "--db", file("from-lost.db")]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /lost.db" is damaged: reference/);
    assert.ok(!await there(file("from-lost.db")));
});

test("damaged pages are found, and a damaged copy is not restored", async () => {
    const db = await makeDatabase("whole.db");
    assert.equal((await sweepd(["backup", file("damaged.db"), "--db", db])).status, 0);
    const { size } = await stat(file("damaged.db"));
    const handle = await open(file("damaged.db"), "r+");
    for (let at = 40 * 4096; at < size; at += 8192)
        await handle.write(Buffer.alloc(256, 0x5a), 0, 256, at);
    await handle.close();
    const found = await sweepd(["check", "--db", file("damaged.db")]);
    assert.equal(found.status, 1);
    assert.notEqual(found.stdout + found.stderr, "");
    const refused = await sweepd(["restore", file("damaged.db"), "--db", db, "--force"]);
    assert.notEqual(refused.status, 0);
    assert.equal((await sweepd(["check", "--db", db])).status, 0, "the old one is untouched");
});

test("what is no database of ours is refused", async () => {
    await copyFile(new URL("../data/iris.csv", import.meta.url), file("iris.csv"));
    for (const args of [["check", "--db", file("iris.csv")],
                        ["restore", file("iris.csv"), "--db", file("from-csv.db")],
                        ["backup", file("to.db"), "--db", file("iris.csv")]]) {
        const { status, stderr } = await sweepd(args);
        assert.notEqual(status, 0);
        assert.match(stderr, /iris.csv": .*not an SQLite database/);
    }
    assert.ok(!await there(file("from-csv.db")) && !await there(file("to.db")));
});
