/*
 * Wide networks: threads that have no fold of their own help with one that is being trained. Nobody
 * can tell from the results, and nothing waits for them.
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

const definition = (epochs, space = {}) => ({
    dataset: "digits", sampler: "grid", seed: 5,
    cross_validation: { kind: "holdout", test_fraction: 0.2 },
    space: { hidden: [[300, 200]], batch_size: 128, epochs, ...space } });

const command = (daemon, id, what) =>
    api(daemon.url, `/experiments/${id}/${what}`, { method: "POST" });

let folder;
before(async () => { folder = await mkdtemp(path.join(tmpdir(), "sweepd-wide-")); });
after(async () => { await rm(folder, { recursive: true, force: true }); });

async function hashes(threads) {
    const db = path.join(folder, `${threads}.db`);
    const daemon = await startDaemon({ db, args: ["--threads", String(threads)] });
    await upload(daemon.url, "digits");
    const made = await submit(daemon.url, definition(2, { activation: ["relu", "gelu"] }));
    const done = await finished(daemon.url, made.id, 120);
    await daemon.stop();
    assert.equal(done.state, "completed");
    const { stdout } = await run("sqlite3", ["-readonly", db,
        "SELECT trial, weights_hash FROM fold ORDER BY 1"]);
    return stdout;
}

test("any number of threads at one fold gives the same weights", async () => {
    const alone = await hashes(1);
    assert.match(alone, /^1\|[0-9a-f]{16}\n2\|[0-9a-f]{16}\n$/);
    for (const threads of [2, 3, 5])
        assert.equal(await hashes(threads), alone, `${threads} threads`);
});

/* Runs `act` while two threads are at one fold that would go on for hours. */
async function whileHelped(act) {
    const daemon = await startDaemon({ args: ["--threads", "3"] });
    try {
        await upload(daemon.url, "digits");
        const made = await submit(daemon.url, definition(1000000));
        while ((await api(daemon.url, `/experiments/${made.id}/trials/1`)).json.state !== "running")
            await new Promise((resolve) => setTimeout(resolve, 20));
        await act(daemon, made.id);
    } finally {
        await daemon.stop();
    }
}

test("another experiment gets its threads back at once", () => whileHelped(async (daemon) => {
    const made = await submit(daemon.url, definition(1, { hidden: [[8], [16], [32]] }));
    const done = await finished(daemon.url, made.id, 30);
    assert.equal(done.state, "completed");
    assert.equal(done.progress.folds_done, 3);
}));

test("a fold that is helped can be cancelled", () => whileHelped(async (daemon, id) => {
    assert.equal((await command(daemon, id, "cancel")).status, 202);
    assert.equal((await finished(daemon.url, id, 10)).state, "cancelled");
}));

test("a fold that is helped goes on after a pause, and others are helped as well", () =>
    whileHelped(async (daemon, id) => {
        assert.equal((await command(daemon, id, "pause")).status, 202);
        const made = await submit(daemon.url, definition(2));
        assert.equal((await finished(daemon.url, made.id, 60)).state, "completed");
        assert.equal((await command(daemon, id, "resume")).status, 202);
        assert.equal((await api(daemon.url, `/experiments/${id}`)).json.state, "running");
        assert.equal((await command(daemon, id, "cancel")).status, 202);
        assert.equal((await finished(daemon.url, id, 10)).state, "cancelled");
    }));

test("a daemon whose threads are at one fold stops within five seconds", async () => {
    const daemon = await startDaemon({ args: ["--threads", "3"] });
    await upload(daemon.url, "digits");
    const made = await submit(daemon.url, definition(1000000));
    while ((await api(daemon.url, `/experiments/${made.id}/trials/1`)).json.state !== "running")
        await new Promise((resolve) => setTimeout(resolve, 20));
    const how = await daemon.stop();
    assert.deepEqual([how.code, how.signal], [0, null]);
    assert.ok(how.milliseconds < 5000, `${how.milliseconds} ms`);
});
