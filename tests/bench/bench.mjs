/*
 * make bench: what a user waits for, through the real daemon, beside scikit-learn and PyTorch on
 * the same folds. All interleaved, ROUNDS rounds, medians. Prints a table and keeps it in
 * README.md; what is measured is written there.
 *
 * ROUNDS    3
 * ONLY      names of workloads, separated by commas
 * PEERS     names of peers, too
 * PYTHON    the interpreter of the peers; without it they are left out
 *
 * README.md is written where nothing is left out.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import path from "node:path";

import { api, startDaemon, submit, upload } from "../lib/daemon.mjs";
import { mean, measurePeaks, runDaemon, runEngine, startPeers } from "./contestants.mjs";
import { dataFile } from "./data.mjs";
import { report } from "./report.mjs";
import { WORKLOADS } from "./workloads.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const FOLDER = process.env.BENCH_FOLDER ?? "build/bench";
const PYTHON = process.env.PYTHON;
const REQUESTS = 500;

const ALL_PEERS = ["scikit-learn", "eager", "compiled", "stacked"];
const PEERS = process.env.PEERS?.split(",") ?? ALL_PEERS;

/* One experiment is read again and again while networks that never end hold every core. */
async function latencies() {
    const daemon = await startDaemon();
    try {
        await upload(daemon.url, "digits");
        const made = await submit(daemon.url, { dataset: "digits", sampler: "grid",
            space: { width: [128, 129, 130, 131], layers: 2, epochs: 1000000 } });
        const times = [];
        for (let i = 0; i < REQUESTS; i++) {
            const began = performance.now();
            await api(daemon.url, `/experiments/${made.id}`);
            times.push(performance.now() - began);
        }
        await api(daemon.url, `/experiments/${made.id}/cancel`, { method: "POST" });
        return times.sort((a, b) => a - b);
    } finally {
        await daemon.stop();
    }
}

async function describeService() {
    const daemon = await startDaemon();
    const { json } = await api(daemon.url, "");
    await daemon.stop();
    return json;
}

/* The daemon's own plan of folds is what the peers get. */
async function preparePeers(peers, w, file) {
    const folds = path.join(FOLDER, `${w.name}-folds.csv`);
    await runDaemon(w, file, { keep: async (url, id) =>
        writeFile(folds, (await api(url, `/experiments/${id}/folds.csv`)).text) });
    const { inputs } = await peers.ask({ do: "prepare", workload: w, file, folds, folder: FOLDER,
                                      contestants: PEERS });
    if (inputs !== w.inputs)
        throw new Error(`${w.name}: peers have ${inputs} inputs`);
}

/* Every contestant once. */
async function round(w, file, seed, service, peers) {
    const runs = {};
    const add = async (name, running) => {
        const { seconds, processor } = runs[name] = await running;
        console.error(`round ${seed}, ${w.name}: ${name} ${seconds.toFixed(3)} s ` +
                      `(${processor.toFixed(2)})`);
    };
    await add("sweepd", runDaemon(w, file));
    if (service.kernels.includes("avx2") && service.kernel !== "avx2")
        await add("avx2", runDaemon(w, file, { env: { SWEEPD_KERNEL: "avx2" } }));
    await add("one", runDaemon(w, file, { args: ["--threads", "1"] }));
    await add("engine", runEngine(w, file, service.threads));
    for (const name of peers ? PEERS : [])
        await add(name, peers.run(name, w.name, seed));
    const ours = mean(runs.sweepd.scores);
    for (const other of ["avx2", "one", "engine"]) {
        const score = runs[other] && (runs[other].mean ?? mean(runs[other].scores));
        if (runs[other] && !(Math.abs(score - ours) < 1e-9))
            throw new Error(`${w.name}: ${other} scores ${score}, sweepd ${ours}`);
    }
    return runs;
}

await mkdir(FOLDER, { recursive: true });
const only = process.env.ONLY?.split(",");
const workloads = WORKLOADS.filter((w) => !only || only.includes(w.name));
const service = await describeService();
const peaks = await measurePeaks();
const peers = PYTHON ? startPeers(PYTHON) : null;
const versions = peers ? await peers.ask({ do: "versions" }) : {};
const files = await Promise.all(workloads.map((w) => dataFile(w.data, FOLDER)));
for (const [i, w] of workloads.entries())
    if (peers)
        await preparePeers(peers, w, files[i]);

const rounds = workloads.map(() => []);
for (let seed = 1; seed <= ROUNDS; seed++)
    for (const [i, w] of workloads.entries())
        rounds[i].push(await round(w, files[i], seed, service, peers));
await peers?.stop();

const text = report({
    machine: `${cpus()[0].model}, ${service.cores} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
             `Linux ${release()}`,
    date: new Date().toISOString().slice(0, 10),
    service, peaks, versions, peers: peers ? PEERS : [], workloads, rounds,
    latencies: await latencies(),
});
console.log(text);
if (peers && !only && PEERS.length === ALL_PEERS.length) {
    const readme = new URL("README.md", import.meta.url);
    const old = await readFile(readme, "utf8");
    await writeFile(readme, old.slice(0, old.indexOf("\n## Results\n")) + `\n## Results\n\n${text}`);
}
