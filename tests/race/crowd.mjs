/*
 * A crowd before one daemon: every search and study of the torture at once, on several threads, while
 * others list, follow, change, cancel, delete and upload. Then a wide network alone, which idle
 * threads help with. The answers are looked at, but the point is what the daemon's build has to say:
 * startDaemon throws that.
 */

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { openEvents } from "../lib/events.mjs";
import { sleep } from "../torture/client.mjs";
import { ordeal, withFolder } from "../torture/ordeal.mjs";
import { PAIRS, SCENARIOS } from "../torture/scenarios.mjs";

const SEARCH = { dataset: "iris", metric: "log_loss", sampler: "random", budget: { trials: 40 },
                 space: { width: { min: 2, max: 8 }, epochs: 5 }, cross_validation: { folds: 3 } };

/* ---- those who look ---------------------------------------------------------------------------- */

const OF_SERVICE = ["/metrics", "/openapi.json", "/healthz", "/readyz", "/", "/api/v1", "/api/v1/datasets",
                    "/api/v1/datasets/iris/rows?limit=5", "/api/v1/experiments?limit=5",
                    "/api/v1/experiments.txt?state=running"];
const OF_EXPERIMENT = ["", "/best", "/trials?sort=rank&limit=10", "/trials.csv", "/trials/1", "/trials/1/curves",
                       "/columns", "/folds", "/importance", "/export.db"];

/* What is asked for may have been deleted in between, or have nothing to show yet. */
async function look(c, where) {
    const { url } = await c.server.ready();
    const answer = await fetch(url + where);
    await answer.arrayBuffer();
    assert.ok(answer.status < 500, `GET ${where}: ${answer.status}`);
}

const isOver = async (c) => (await c.get("/experiments?limit=1000")).items
    .every((x) => !["running", "queued", "paused"].includes(x.state));

async function reader(c) {
    await sleep(200); /* for the first experiment */
    for (let round = 0; round < 5 || !await isOver(c); round++) {
        for (const where of OF_SERVICE)
            await look(c, where);
        const { items } = await c.get("/experiments?limit=1000");
        const { id } = items[round * 7 % items.length];
        for (const where of OF_EXPERIMENT)
            await look(c, `/api/v1/experiments/${id}${where}`);
    }
}

/* Streams of both kinds, most of them left before their end. */
async function follower(c) {
    const id = await c.submit({ ...SEARCH, seed: 201 });
    const { url } = await c.server.ready();
    const all = await openEvents(url, "/events");
    for (let i = 0; i < 20; i++) {
        const leaving = new AbortController();
        const watch = await fetch(`${url}/api/v1/experiments/${id}/watch`, { signal: leaving.signal });
        const events = await openEvents(url, `/experiments/${id}/events`, { lastId: 0 });
        await watch.body.getReader().read();
        await events.until((seen) => seen.length > 0);
        leaving.abort();
        events.close();
    }
    all.close();
    await c.finished(id);
}

/* ---- those who change things ------------------------------------------------------------------- */

async function canceller(c) {
    for (let seed = 301; seed < 309; seed++) {
        const id = await c.submit({ ...SEARCH, seed, sampler: seed % 2 ? "tpe" : "random" });
        await c.until(id, (x) => x.progress.folds_done >= 5);
        await c.order(id, "cancel");
    }
}

async function changer(c) {
    const id = await c.submit({ ...SEARCH, seed: 401 });
    for (let priority = -10; priority <= 10; priority++)
        c.expect(await c.call(`/experiments/${id}`, { method: "PATCH", json: { priority } }), 200);
    for (const what of ["pause", "resume", "pause", "resume"])
        await c.order(id, what);
    await c.finished(id);
}

async function uploader(c) {
    for (let i = 0; i < 8; i++) {
        const rows = Array.from({ length: 400 }, (_, k) => `${Math.sin(k * (i + 1))},${k % 5}`);
        await c.removeDataset(await c.upload(`table-${i}`, `x,y\n${rows.join("\n")}\n`));
    }
}

const CROWD = Object.entries({ reader, follower, canceller, changer, uploader })
    .concat([["a second reader", reader], ["a third reader", reader]]);

/* ---- a network that is shared ------------------------------------------------------------------ */

const WIDE = { ...SEARCH, sampler: "grid", budget: undefined, seed: 501, cross_validation: { kind: "holdout" } };

const SHARED = ["adam", "lbfgs"].map((optimizer) => [`wide, ${optimizer}`, async (c) => {
    const space = { layers: 2, width: 320, optimizer, batch_norm: optimizer === "adam", epochs: 6 };
    await c.finished(await c.submit({ ...WIDE, space }));
}]);

const crowd = (scenarios, threads) =>
    withFolder((folder) => ordeal({ db: path.join(folder, "crowd.db"), scenarios, threads }));

test("two threads train for a crowd", () => crowd([...SCENARIOS, ...CROWD], 2));
test("four threads train for a crowd", () => crowd([...PAIRS, ...CROWD], 4));
for (const scenario of SHARED)
    test(`four threads share a network: ${scenario[0]}`, () => crowd([scenario, ["reader", reader]], 4));
