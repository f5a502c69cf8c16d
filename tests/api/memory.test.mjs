/* Memory that the machine does not have is no property of a trial. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, until, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const MIB = 2 ** 20;

/* The second trial's networks take 200 MiB and more. */
const WIDE = { dataset: "iris", sampler: "grid", cross_validation: { folds: 2 },
               space: { layers: 2, width: [2, 4000], epochs: 1 } };

test("a search that lacks memory is paused in words, and goes on when there is some", async (t) => {
    const daemon = await startDaemon({ args: ["--threads", "1"] });
    try {
        await upload(daemon.url, "iris");
        const [, kib] = /VmSize:\s+(\d+)/.exec(await readFile(`/proc/${daemon.pid}/status`, "utf8"));
        if (kib > 2 ** 30)
            return t.skip("a sanitizer holds the address space");
        const allow = (bytes) => run("prlimit", ["--pid", daemon.pid, `--as=${bytes}:`]);
        await allow(kib * 1024 + 100 * MIB);
        const { id } = await submit(daemon.url, WIDE);
        const get = async () => (await api(daemon.url, `/experiments/${id}`)).json;
        await until(async () => ["paused", "failed", "completed"].includes((await get()).state));
        const paused = await get();
        assert.equal(paused.state, "paused");
        assert.match(paused.error, /a fold of trial 2: .*memory/);
        const trials = async () => (await api(daemon.url, `/experiments/${id}/trials?sort=trial`)).json.items;
        assert.deepEqual((await trials()).map((x) => x.folds_done), [2, 0]);
        assert.notEqual((await trials())[1].state, "failed");

        await allow("unlimited");
        const resumed = await api(daemon.url, `/experiments/${id}/resume`, { method: "POST" });
        assert.deepEqual([resumed.status, resumed.json.error], [202, null], resumed.text);
        const done = await finished(daemon.url, id);
        assert.equal(done.state, "completed");
        assert.deepEqual((await trials()).map((x) => x.state), ["completed", "completed"]);
    } finally {
        await daemon.stop();
    }
});
