/* /metrics, read by the rules of Prometheus' text format. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;

before(async () => { daemon = await startDaemon(); });
after(async () => { await daemon?.stop(); });

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|[+-]Inf|NaN)$/;
const LABELS = /^(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*$/;

/* Samples by name and labels; throws at what the format does not allow. */
function parse(text) {
    const samples = new Map();
    const types = new Map();
    let current = null;

    assert.ok(text.endsWith("\n"));
    for (const line of text.slice(0, -1).split("\n")) {
        const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
        if (keyword === "HELP") {
            assert.ok(!types.has(name), `${name} comes twice`);
            current = name;
        } else if (keyword === "TYPE") {
            assert.equal(name, current);
            assert.match(rest, /^(counter|gauge|histogram)$/);
            types.set(name, rest);
        } else {
            const [, sample, labels = "", value] = SAMPLE.exec(line) ?? assert.fail(`not a sample: ${line}`);
            const family = types.get(current) === "histogram" ? sample.replace(/_(bucket|sum|count)$/, "") : sample;
            assert.equal(family, current, line);
            assert.match(labels, LABELS);
            assert.ok(!samples.has(`${sample}{${labels}}`), `twice: ${line}`);
            assert.ok(types.get(current) !== "counter" || sample.endsWith("_total"), line);
            samples.set(`${sample}{${labels}}`, Number(value.replace("Inf", "Infinity")));
        }
    }
    return { samples, types, get: (name, labels = "") => samples.get(`${name}{${labels}}`) };
}

async function metrics() {
    const response = await fetch(`${daemon.url}/metrics`);
    assert.equal(response.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return parse(await response.text());
}

test("a daemon that has done nothing says so in valid text", async () => {
    const m = await metrics();
    assert.equal(m.get("sweepd_folds_total", 'result="completed"'), 0);
    assert.equal(m.get("sweepd_degraded"), 0);
    for (const name of ["sweepd_database_bytes", "process_resident_memory_bytes", "process_open_fds",
                        "process_cpu_seconds_total", "process_max_fds", "sweepd_workers"])
        assert.ok(m.get(name) > 0, name);
    assert.ok(Math.abs(m.get("process_start_time_seconds") - Date.now() / 1000) < 3600);
});

test("folds, trials, experiments and transactions are counted", async () => {
    await upload(daemon.url, "iris");
    const { id } = await submit(daemon.url, { dataset: "iris", sampler: "grid",
        space: { layers: 1, width: [2, 3, 4], epochs: 2 }, cross_validation: { folds: 2 } });
    await finished(daemon.url, id);
    const m = await metrics();
    assert.equal(m.get("sweepd_folds_total", 'result="completed"'), 6);
    assert.equal(m.get("sweepd_trials", 'state="completed"'), 3);
    assert.equal(m.get("sweepd_experiments", 'state="completed"'), 1);
    assert.equal(m.get("sweepd_folds_queued"), 0);
    assert.ok(m.get("sweepd_training_seconds_total") > 0);
    assert.ok(m.get("sweepd_writer_transaction_duration_seconds_count") > 0);
    await submit(daemon.url, { dataset: "iris", sampler: "grid", space: { layers: 1, width: [2, 3, 4], epochs: 2 },
                               cross_validation: { folds: 2 } }).then(({ id: again }) => finished(daemon.url, again));
    assert.equal((await metrics()).get("sweepd_folds_total", 'result="reused"'), 6);
});

test("requests are counted by the route that took them, not by their path", async () => {
    const labels = 'method="GET",route="/api/v1/datasets/{dataset}"';
    const before = (await metrics()).get("sweepd_http_requests_total", `${labels},status="4xx"`) ?? 0;
    for (const name of ["a", "b", "c"])
        assert.equal((await api(daemon.url, `/datasets/${name}`)).status, 404);
    const m = await metrics();
    assert.equal(m.get("sweepd_http_requests_total", `${labels},status="4xx"`), before + 3);
    assert.ok(![...m.samples.keys()].some((key) => key.includes("datasets/a")));
});

test("buckets of a histogram grow, and the last one holds all", async () => {
    const m = await metrics();
    for (const [name, type] of m.types) {
        if (type !== "histogram")
            continue;
        const series = new Map();
        for (const [key, value] of m.samples)
            if (key.startsWith(`${name}_bucket{`)) {
                const count = key.replace(/,?le="[^"]*"/, "").replace("_bucket", "_count");
                series.set(count, [...(series.get(count) ?? []), value]);
            }
        assert.ok(series.size > 0, name);
        for (const [count, values] of series) {
            assert.deepEqual(values, [...values].sort((a, b) => a - b), count);
            assert.equal(values.at(-1), m.samples.get(count), count);
        }
    }
});
