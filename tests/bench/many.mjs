/*
 * make bench-many: COUNT trials of a tiny network (8 units, 150 rows, 20 epochs, holdout) in one
 * experiment. Prints folds a second end to end, the daemon's memory, the bytes of a trial in the
 * database, and how long the leaderboard takes with that many trials.
 */

import { stat } from "node:fs/promises";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";
import { forgetPeak, peakMiB, processorSeconds } from "./contestants.mjs";

const COUNT = Number(process.env.COUNT ?? 100000);
const REQUESTS = 50;

const DEFINITION = {
    dataset: "iris", metric: "accuracy", sampler: "random", budget: { trials: COUNT },
    cross_validation: { kind: "holdout" },
    space: { hidden: [[8]], learning_rate: { min: 1e-4, max: 1e-1, scale: "log" }, epochs: 20 },
};

async function sizeOf(db) {
    const sizes = await Promise.all([db, `${db}-wal`].map((file) => stat(file).catch(() => null)));
    return sizes.reduce((sum, s) => sum + (s?.size ?? 0), 0);
}

/* Milliseconds, sorted. */
async function timesOf(url, path) {
    const times = [];
    for (let i = 0; i < REQUESTS; i++) {
        const began = performance.now();
        const { status } = await api(url, path);
        if (status !== 200)
            throw new Error(`${path}: ${status}`);
        times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b);
}

async function printLatencies(url, id) {
    const last = COUNT - 1;
    for (const path of [`/experiments/${id}`, `/experiments/${id}/trials?sort=rank&limit=100`,
                        `/experiments/${id}/trials?sort=-learning_rate&limit=100`,
                        `/experiments/${id}/trials/${last}`, `/experiments/${id}/best`]) {
        const times = await timesOf(url, path);
        console.log(`GET ${path}: median ${times[REQUESTS >> 1].toFixed(1)} ms, ` +
                    `worst ${times.at(-1).toFixed(1)} ms`);
    }
}

const daemon = await startDaemon();
try {
    const service = (await api(daemon.url, "")).json;
    await upload(daemon.url, "iris");
    const before = await peakMiB(daemon.pid), bytes = await sizeOf(daemon.db);
    await forgetPeak(daemon.pid);
    const processor = await processorSeconds(daemon.pid), began = performance.now();
    const { id } = await submit(daemon.url, DEFINITION);
    let done;
    do /* an answer is held for some minutes at most */
        done = (await api(daemon.url, `/experiments/${id}?wait=60`)).json;
    while (done.state === "running" || done.state === "queued");
    const seconds = (performance.now() - began) / 1000;
    const used = await processorSeconds(daemon.pid) - processor;
    done = await finished(daemon.url, id);
    if (done.progress.folds_done !== COUNT || !(done.best.score > 0.9))
        throw new Error(`${done.progress.folds_done} folds, best ${done.best.score}`);
    console.log(`${COUNT} trials with ${service.threads} threads, kernel ${service.kernel}: ` +
                `${seconds.toFixed(2)} s, ${(COUNT / seconds).toFixed(0)} folds/s, ` +
                `${used.toFixed(2)} s of processor time`);
    console.log(`memory ${(await peakMiB(daemon.pid)).toFixed(0)} MiB at most, ` +
                `${before.toFixed(0)} MiB before; ` +
                `${((await sizeOf(daemon.db) - bytes) / COUNT).toFixed(0)} bytes a trial on disk`);
    await printLatencies(daemon.url, id);
} finally {
    await daemon.stop();
}
