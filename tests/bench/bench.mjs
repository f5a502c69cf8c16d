/*
 * make bench: what a user waits for, through the real daemon. Prints the machine and, for each
 * workload, the median of three rounds; then how long a request takes while every core trains.
 * A workload's result is checked first: a benchmark of wrong numbers is worth nothing.
 */

import { cpus } from "node:os";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const ROUNDS = 3;
const REQUESTS = 500;

const WORKLOADS = [
    { data: "digits", best: 0.96, definition: {
        space: { hidden: [[32], [64], [100], [64, 64], [100, 100], [128, 64]],
                 learning_rate: [1e-3, 1e-2], activation: ["relu", "tanh"],
                 batch_size: 32, epochs: 20, l2: 3.125e-6 } } },
    { data: "breast_cancer", best: 0.96, definition: {
        space: { hidden: [[8], [16], [32], [64], [16, 8], [32, 16]],
                 learning_rate: [1e-3, 1e-2], activation: ["relu", "tanh"],
                 batch_size: 32, epochs: 50, l2: 3.125e-6 } } },
];

const median = (x) => x.slice().sort((a, b) => a - b)[Math.floor(x.length / 2)];

async function round({ data, best, definition }) {
    const daemon = await startDaemon();
    try {
        await upload(daemon.url, data);
        const begin = performance.now();
        const made = await submit(daemon.url, { dataset: data, sampler: "grid", ...definition });
        await api(daemon.url, `/experiments/${made.id}?wait=600`);
        const seconds = (performance.now() - begin) / 1000;
        const done = await finished(daemon.url, made.id);
        if (done.progress.folds_done !== made.progress.folds || !(done.best.score >= best))
            throw new Error(`${data}: ${done.progress.folds_done} folds, best ${done.best.score}`);
        return { seconds, folds: done.progress.folds_done, score: done.best.score };
    } finally {
        await daemon.stop();
    }
}

/* One experiment is read again and again while networks that never end hold every core. */
async function latencies() {
    const daemon = await startDaemon();
    try {
        await upload(daemon.url, "digits");
        const made = await submit(daemon.url, { dataset: "digits", sampler: "grid",
            space: { width: [128, 129, 130, 131], layers: 2, epochs: 1000000 } });
        const times = [];
        for (let i = 0; i < REQUESTS; i++) {
            const begin = performance.now();
            await api(daemon.url, `/experiments/${made.id}`);
            times.push(performance.now() - begin);
        }
        await api(daemon.url, `/experiments/${made.id}/cancel`, { method: "POST" });
        return times.slice().sort((a, b) => a - b);
    } finally {
        await daemon.stop();
    }
}

const daemon = await startDaemon();
const service = (await api(daemon.url, "")).json;
await daemon.stop();
console.log(`${cpus()[0].model}, ${service.threads} threads, kernel ${service.kernel}`);

const rounds = WORKLOADS.map(() => []);
for (let i = 0; i < ROUNDS; i++)
    for (const [w, workload] of WORKLOADS.entries())
        rounds[w].push(await round(workload));
for (const [w, { data }] of WORKLOADS.entries()) {
    const seconds = median(rounds[w].map((r) => r.seconds));
    const { folds, score } = rounds[w][0];
    console.log(`${data.padEnd(14)} ${folds} folds in ${seconds.toFixed(2)} s, ` +
                `${(folds / seconds).toFixed(0)} folds/s, best ${score.toFixed(4)}`);
}
const times = await latencies();
console.log(`GET /api/v1/experiments/1 while all cores train: median ${median(times).toFixed(2)} ms, ` +
            `p99 ${times[Math.floor(0.99 * times.length)].toFixed(2)} ms (${times.length} requests)`);
