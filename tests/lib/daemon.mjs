/*
 * The real daemon, for tests: started on a free port with a database of its own, and asked over a
 * real socket. SWEEPD names the binary.
 */

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const BINARY = path.resolve(process.env.SWEEPD ?? "build/sweepd");
const DATA = new URL("../data/", import.meta.url);
const START_MS = 20000; /* under sanitizers on a busy machine */
const STOP_MS = 10000;
const SANITIZER = /(?:ERROR|WARNING): \w+Sanitizer|runtime error: /;

/* The address, from the line that says that the daemon is ready. */
function ready(child, stderr) {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not ready in time:\n${stderr()}`)), START_MS);
        const settle = (act, value) => {
            clearTimeout(timer);
            act(value);
        };

        child.stderr.on("data", () => {
            const match = /listening on ((?:http|unix):[^\s"]+)/.exec(stderr());
            if (match)
                settle(resolve, match[1]);
        });
        child.once("error", (error) => settle(reject, error));
        child.once("exit", (code, signal) =>
            settle(reject, new Error(`ended at its start (${code ?? signal}):\n${stderr()}`)));
    });
}

/** Runs the binary with these arguments to its end: {status, stdout, stderr}. */
export function sweepd(args, { env = {}, cwd } = {}) {
    return new Promise((resolve, reject) =>
        execFile(BINARY, args, { cwd, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
            if (SANITIZER.test(stderr) || (error && typeof error.code !== "number"))
                reject(new Error(`${error}\n${stderr}`));
            else
                resolve({ status: error ? error.code : 0, stdout, stderr });
        }));
}

/** The same without waiting: the child, whose standard error is collected in `text()`. */
export function startSweepd(args, { env = {}, cwd } = {}) {
    const child = spawn(BINARY, args, { cwd, env: { ...process.env, ...env },
                                        stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    child.text = () => text;
    child.ended = new Promise((resolve) =>
        child.once("close", (code, signal) => resolve({ code, signal })));
    return child;
}

/** Waits until the function's answer is true. */
export async function until(what, seconds = 60) {
    const end = performance.now() + seconds * 1000;
    while (!await what()) {
        if (performance.now() > end)
            throw new Error(`not after ${seconds} s: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/**
 * Starts a daemon. Without `db` it makes a folder for one, which stop() removes; `spawned` is called
 * with the process before it is ready. The answer:
 *
 *     url      where it listens
 *     db       its database
 *     pid      its process
 *     stop()   ends it by SIGTERM; resolves to {code, signal, milliseconds}
 *     kill9()  ends it by SIGKILL
 *     stderr() what it has written so far
 *
 * stop and kill9 throw what a sanitizer has found.
 */
export async function startDaemon({ args = [], env = {}, db, spawned = () => {} } = {}) {
    const folder = db ? null : await mkdtemp(path.join(tmpdir(), "sweepd-test-"));
    const file = db ?? path.join(folder, "sweepd.db");
    const child = spawn(BINARY, ["--db", file, "--listen", "127.0.0.1:0", ...args],
        { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] });
    let text = "";

    spawned(child);
    child.stderr.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    const ended = new Promise((resolve) =>
        child.once("close", (code, signal) => resolve({ code, signal })));

    async function end(signal) {
        const begin = performance.now();
        const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
        child.kill(signal);
        const how = await ended;
        clearTimeout(timer);
        if (SANITIZER.test(text))
            throw new Error(text);
        return { ...how, milliseconds: performance.now() - begin };
    }

    async function clean() {
        if (folder)
            await rm(folder, { recursive: true, force: true });
    }

    try {
        const url = await ready(child, () => text);
        return {
            url,
            db: file,
            pid: child.pid,
            stderr: () => text,
            kill9: () => end("SIGKILL"),
            async stop() {
                const how = await end("SIGTERM");
                await clean();
                return how;
            },
        };
    } catch (error) {
        await end("SIGKILL");
        await clean();
        throw error;
    }
}

/**
 * One call of the API: path from /api/v1 on. `json` is sent as a body. The answer is
 * {status, headers, text, json}; json is undefined where the body is something else.
 */
export async function api(url, path, { json, ...options } = {}) {
    if (json !== undefined)
        options = { method: "POST", ...options, body: JSON.stringify(json),
                    headers: { "Content-Type": "application/json", ...options.headers } };
    const response = await fetch(`${url}/api/v1${path}`, options);
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get("Content-Type") ?? "");

    return { status: response.status, headers: response.headers, text,
             json: isJson ? JSON.parse(text) : undefined };
}

/** Uploads tests/data/NAME.csv as data set NAME. */
export async function upload(url, name, query = "") {
    const answer = await api(url, `/datasets?name=${name}${query}`,
        { method: "POST", body: await readFile(new URL(`${name}.csv`, DATA)) });
    if (answer.status !== 201 && answer.status !== 200)
        throw new Error(`uploading ${name}: ${answer.status} ${answer.text}`);
    return answer.json;
}

/** Submits a definition; the answer is the experiment. */
export async function submit(url, definition) {
    const answer = await api(url, "/experiments", { json: definition });
    if (answer.status !== 201)
        throw new Error(`submitting: ${answer.status} ${answer.text}`);
    return answer.json;
}

/** The experiment once it has ended; at most `seconds`. */
export async function finished(url, id, seconds = 60) {
    const end = performance.now() + seconds * 1000;
    for (;;) {
        const { json } = await api(url, `/experiments/${id}`);
        if (["completed", "cancelled", "failed"].includes(json.state))
            return json;
        if (performance.now() > end)
            throw new Error(`experiment ${id} is still ${json.state} after ${seconds} s`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}
