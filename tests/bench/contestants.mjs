/*
 * Who runs a workload: the daemon over HTTP, the bare engine, and the peers in Python. Each gives
 * {seconds, scores or mean, …}.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import path from "node:path";

import { api, finished, startDaemon, submit } from "../lib/daemon.mjs";
import { definition, nFolds, trialLines } from "./workloads.mjs";

const PROGRAMS = process.env.PROGRAMS;

export const mean = (x) => x.reduce((a, b) => a + b, 0) / x.length;

/** Uploads the file as data set w.name. */
export async function uploadFile(url, w, file) {
    const answer = await api(url, `/datasets?name=${w.name}&task=${w.task}`,
        { method: "POST", body: await readFile(file) });
    if (answer.status !== 201)
        throw new Error(`uploading ${file}: ${answer.status} ${answer.text}`);
    return answer.json;
}

/** MiB: the most memory that a process ever had, since its start or the last forgetPeak. */
export async function peakMiB(pid) {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024;
}

export async function forgetPeak(pid) {
    await writeFile(`/proc/${pid}/clear_refs`, "5");
}

/** Seconds of processor time of a process and its children so far. */
export async function processorSeconds(pid) {
    const words = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ").pop().split(" ");
    let sum = (Number(words[11]) + Number(words[12])) / 100; /* Linux counts hundredths */
    for (const task of await readdir(`/proc/${pid}/task`)) {
        const children = await readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "");
        for (const child of children.split(" ").filter(Boolean))
            sum += await processorSeconds(child);
    }
    return sum;
}

async function trialScores(url, id) {
    const { json } = await api(url, `/experiments/${id}/trials?limit=1000`);
    return json.items.map((trial) => trial.score);
}

/**
 * A fresh daemon: the time from the submission to the end. keep(url, id), if given, is called
 * before it stops.
 */
export async function runDaemon(w, file, { args = [], env = {}, keep } = {}) {
    const daemon = await startDaemon({ args, env });
    try {
        const data = await uploadFile(daemon.url, w, file);
        if (data.encoded_features !== w.inputs)
            throw new Error(`${w.name} has ${data.encoded_features} inputs, not ${w.inputs}`);
        const uploadMiB = await peakMiB(daemon.pid);
        await forgetPeak(daemon.pid);
        const before = await processorSeconds(daemon.pid), began = performance.now();
        const made = await submit(daemon.url, definition(w));
        await api(daemon.url, `/experiments/${made.id}?wait=600`);
        const seconds = (performance.now() - began) / 1000;
        const processor = await processorSeconds(daemon.pid) - before;
        const done = await finished(daemon.url, made.id);
        if (done.progress.folds_done !== made.progress.folds || !(done.best.score >= w.at_least))
            throw new Error(`${w.name}: ${done.progress.folds_done} folds, best ${done.best.score}`);
        await keep?.(daemon.url, made.id);
        return { seconds, processor, elapsed: done.progress.elapsed_seconds, rows: data.rows, uploadMiB,
                 memoryMiB: await peakMiB(daemon.pid), folds: done.progress.folds_done,
                 scores: await trialScores(daemon.url, made.id) };
    } finally {
        await daemon.stop();
    }
}

/** The same trials without the service. */
export async function runEngine(w, file, threads) {
    const { kind, test_fraction } = w.cross_validation;
    const words = [`file=${file}`, `task=${w.task}`, `metric=${w.metric}`, `kind=${kind}`,
                   `folds=${nFolds(w)}`, `threads=${threads}`];
    if (test_fraction)
        words.push(`test_fraction=${test_fraction}`);
    const child = spawn(path.join(PROGRAMS, "engine"), words, { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.stdin.end(trialLines(w));
    const [code] = await once(child, "close");
    if (code !== 0)
        throw new Error(`the engine ended with ${code}`);
    const result = JSON.parse(text);
    return { seconds: result.prepare_seconds + result.train_seconds,
             processor: result.processor_seconds, mean: result.mean_score };
}

/** GFLOP/s that this machine reaches: {avx512: {one, all}, …}. */
export async function measurePeaks() {
    const child = spawn(path.join(PROGRAMS, "kernels"), ["--peak"]);
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    await once(child, "close");
    return JSON.parse(text);
}

/** The process of peers.py: ask(command) gives its answer. */
export function startPeers(python) {
    const script = new URL("peers.py", import.meta.url).pathname;
    const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"],
        env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

    return {
        async ask(command) {
            child.stdin.write(JSON.stringify(command) + "\n");
            const { value, done } = await answers.next();
            if (done)
                throw new Error("peers.py has ended");
            return JSON.parse(value);
        },
        /* A run, with the processor time that it took. */
        async run(contestant, workload, seed) {
            const before = await processorSeconds(child.pid);
            const result = await this.ask({ do: "run", contestant, workload, seed });
            return { ...result, processor: await processorSeconds(child.pid) - before };
        },
        async stop() {
            child.stdin.end();
            await once(child, "close");
        },
    };
}
