/*
 * make load: what the daemon bears, beside what it should. Each line of the table is a measurement of
 * its own; ONLY=TEXT takes those whose name contains it. TRIALS (100000) and UPLOAD_MIB (2048) make
 * the large ones smaller. Figures mean something on a quiet machine alone.
 */

import { execFile } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { promisify } from "node:util";

import { forgetPeak, peakMiB, processorSeconds } from "../bench/contestants.mjs";
import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";
import { ofKind, openEvents } from "../lib/events.mjs";

const run = promisify(execFile);
const TRIALS = Number(process.env.TRIALS ?? 100000);
const UPLOAD_MIB = Number(process.env.UPLOAD_MIB ?? 2048);
const SECONDS = Number(process.env.SECONDS ?? 10);
const MEMORY_MIB = 1024;
const SLACK_MIB = 256; /* SQLite, the library of HTTP, threads */

const TINY = { dataset: "iris", metric: "accuracy", sampler: "random", cross_validation: { kind: "holdout" },
               space: { hidden: [[8]], learning_rate: { min: 1e-4, max: 1e-1, scale: "log" }, epochs: 2 } };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function withDaemon(args, act) {
    const daemon = await startDaemon({ args });
    try {
        await upload(daemon.url, "iris");
        return await act(daemon);
    } finally {
        await daemon.stop();
    }
}

async function searched(url, trials) {
    const { id } = await submit(url, { ...TINY, budget: { trials } });
    await finished(url, id, 3600);
    return id;
}

/* Something that trains on all threads until it is cancelled. */
const train = (url) => submit(url, { ...TINY, name: "load", budget: { trials: 100000 },
                                     space: { width: 256, layers: 3, epochs: 1000 } });

/* Milliseconds of `n` requests one after the other, sorted. */
async function timesOf(url, path, n) {
    const times = [];
    for (let i = 0; i < n; i++) {
        const began = performance.now();
        const { status } = await api(url, path);
        if (status !== 200)
            throw new Error(`${path}: ${status}`);
        times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b);
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

/* What wrk says: requests a second, and the 99th percentile in milliseconds. */
async function wrk(url, connections) {
    const { stdout } = await run("wrk", ["-t1", `-c${connections}`, `-d${SECONDS}s`, "--latency", url]);
    const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]);
    const [, value, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
    if (/Non-2xx/.test(stdout))
        throw new Error(stdout);
    return { rate, p99: Number(value) * { us: 1e-3, ms: 1, s: 1000 }[unit] };
}

/* ---- requests ---------------------------------------------------------------------------------- */

const requests = () => withDaemon([], async ({ url }) => {
    const id = await searched(url, 1000);
    const { rate } = await wrk(`${url}/api/v1/experiments/${id}`, 16);
    return { figure: `${rate.toFixed(0)} a second`, ok: rate >= 10000 };
});

const latency = () => withDaemon([], async ({ url }) => {
    const id = await searched(url, 1000);
    await train(url);
    const { rate, p99 } = await wrk(`${url}/api/v1/experiments/${id}`, 4);
    return { figure: `${p99.toFixed(1)} ms at ${rate.toFixed(0)} a second`, ok: p99 < 20 };
});

const streams = () => withDaemon([], async ({ url }) => {
    const { id } = await submit(url, { ...TINY, budget: { trials: 2000 } });
    const began = performance.now();
    const open = await Promise.all(Array.from({ length: 200 }, () =>
        openEvents(url, `/experiments/${id}/events`, { lastId: 0 })));
    await Promise.all(open.map((s) => s.until((events) => ofKind(events, "trial").length >= 2000, 600)));
    const seconds = (performance.now() - began) / 1000;
    open.forEach((s) => s.close());
    return { figure: `2000 ends to each in ${seconds.toFixed(1)} s`, ok: true };
});

/* Half a request, then a byte a second. */
async function slowClient(port) {
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => {}); /* the daemon may end it */
    socket.write("GET /api/v1 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    const timer = setInterval(() => socket.write("a"), 1000);
    return () => { clearInterval(timer); socket.destroy(); };
}

const slow = () => withDaemon([], async ({ url }) => {
    const id = await searched(url, 100);
    const clients = await Promise.all(Array.from({ length: 500 }, () => slowClient(new URL(url).port)));
    await sleep(2000);
    const times = await timesOf(url, `/experiments/${id}`, 500);
    clients.forEach((end) => end());
    return { figure: `p99 ${quantile(times, 0.99).toFixed(1)} ms`, ok: quantile(times, 0.99) < 20 };
});

/* ---- uploads: a table of numbers, made on the way ----------------------------------------------- */

const LINES = Array.from({ length: 10000 }, (_, i) =>
    `${Math.sin(i)},${Math.cos(i)},${Math.tan(i)},${i % 97},${Math.sin(3 * i)}`).join("\n") + "\n";

async function* csv(bytes, salt) {
    yield `a,b,c,d,y\n${salt},1,2,3,4\n`;
    for (let sent = 0; sent < bytes; sent += LINES.length)
        yield LINES;
}

async function send(url, name, bytes, salt) {
    const request = http.request(`${url}/api/v1/datasets?name=${name}`, { method: "POST" });
    const answered = once(request, "response");
    let is_over = false; /* the daemon may answer, or hang up, before all is sent */
    answered.then(() => { is_over = true; }, () => { is_over = true; });
    request.on("error", () => {});
    for await (const chunk of csv(bytes, salt)) {
        if (is_over)
            break;
        if (!request.write(chunk))
            await Promise.race([once(request, "drain"), answered]).catch(() => {});
    }
    request.end();
    const [response] = await answered;
    let text = "";
    for await (const chunk of response)
        text += chunk;
    return { status: response.statusCode, text };
}

const large = () => withDaemon(["--memory", String(MEMORY_MIB << 20)], async ({ url, pid }) => {
    await forgetPeak(pid);
    const { status, text } = await send(url, "large", UPLOAD_MIB * 2 ** 20, 0);
    const peak = await peakMiB(pid);
    const said = status === 201 ? `${JSON.parse(text).rows} rows` : JSON.parse(text).detail;
    return { figure: `${status} (${said}), ${peak.toFixed(0)} MiB at most`,
             ok: [201, 413, 422].includes(status) && peak <= MEMORY_MIB + SLACK_MIB };
});

const many = () => withDaemon(["--memory", String(MEMORY_MIB << 20)], async ({ url, pid }) => {
    await forgetPeak(pid);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => send(url, `d${i}`, 4 << 20, i)));
    const good = answers.filter((a) => a.status === 201).length;
    const other = answers.find((a) => a.status !== 201);
    const peak = await peakMiB(pid);
    return { figure: `${good} stored${other ? `, not: ${other.text}` : ""}, ${peak.toFixed(0)} MiB at most`,
             ok: good === 100 && peak <= MEMORY_MIB + SLACK_MIB };
});

/* ---- a hundred thousand trials ------------------------------------------------------------------ */

/* Something is written between two looks, so that no kept answer is what is measured. */
const leaderboard = () => withDaemon([], async ({ url, pid }) => {
    const id = await searched(url, TRIALS);
    const figures = [];
    let worst = 0;
    for (const sort of ["rank", "-learning_rate"]) {
        const processor = await processorSeconds(pid);
        const times = [];
        for (let i = 0; i < 20; i++) {
            await api(url, `/experiments/${id}`, { method: "PATCH", json: { notes: String(i) } });
            times.push(...await timesOf(url, `/experiments/${id}/trials?sort=${sort}&limit=100`, 1));
        }
        const used = 1000 * (await processorSeconds(pid) - processor) / times.length;
        times.sort((a, b) => a - b);
        worst = Math.max(worst, quantile(times, 0.5));
        figures.push(`${sort}: median ${quantile(times, 0.5).toFixed(1)} ms, ${used.toFixed(1)} of processor`);
    }
    return { figure: figures.join("; "), ok: worst < 50 };
});

/* Resident memory at the start and after each fifth of one experiment's trials, as many as a day has
 * of those that take a second; the first two fifths fill SQLite's caches. */
const flat = () => withDaemon([], async ({ url, pid }) => {
    const rss = async () => Number(/VmRSS:\s+(\d+)/.exec(
        (await run("cat", [`/proc/${pid}/status`])).stdout)[1]) / 1024;
    const { id } = await submit(url, { ...TINY, budget: { trials: TRIALS } });
    const samples = [];
    for (let done = 0; done < TRIALS; await sleep(100)) {
        done = (await api(url, `/experiments/${id}`)).json.progress.trials_done;
        if (done >= TRIALS * samples.length / 5)
            samples.push(await rss());
    }
    const growth = samples.at(-1) - samples[2];
    return { figure: samples.map((x) => x.toFixed(0)).join(", ") + " MiB", ok: growth < 8 };
});

const MEASUREMENTS = [
    ["GET of 1,000 trials' experiment, idle", "10,000 a second", requests],
    ["the same, while all cores train", "p99 below 20 ms", latency],
    ["200 streams of events at once", "all told to all", streams],
    ["a fast client beside 500 slow ones", "p99 below 20 ms", slow],
    [`an upload of ${UPLOAD_MIB} MiB, --memory ${MEMORY_MIB} MiB`, `at most ${MEMORY_MIB + SLACK_MIB} MiB`,
     large],
    ["100 uploads at once, 4 MiB each", `at most ${MEMORY_MIB + SLACK_MIB} MiB`, many],
    [`first page of ${TRIALS} trials`, "below 50 ms", leaderboard],
    [`memory over ${TRIALS} trials`, "grows by less than 8 MiB", flat],
];

let short = 0;
for (const [name, target, measure] of MEASUREMENTS) {
    if (!name.includes(process.env.ONLY ?? ""))
        continue;
    const { figure, ok } = await measure();
    short += !ok;
    console.log(`${name.padEnd(50)} ${target.padEnd(26)} ${ok ? "ok         " : "falls short"} ${figure}`);
}
process.exitCode = short > 0 ? 1 : 0;
