/* Server-sent events: everything is told once, in order, and nothing is lost by whoever comes back. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";
import { isState, ofKind, openEvents } from "../lib/events.mjs";

const STREAMS = 50;

const SMALL = { dataset: "iris", sampler: "random", seed: 3, budget: { trials: 12 },
                space: { width: [4, 8], learning_rate: { min: 1e-3, max: 1e-1, scale: "log" }, epochs: 3 },
                cross_validation: { kind: "kfold", folds: 2 } };
const STUDY = { objective: { name: "loss", direction: "minimize" }, space: { x: { min: 0, max: 1 } },
                budget: { trials: 10 } };

let daemon;
let quiet; /* a stream of which nothing is to be told, and when it was opened */

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
    const { id } = await submit(daemon.url, { ...SMALL, start: false });
    quiet = { began: performance.now(), ...await openEvents(daemon.url, `/experiments/${id}/events`) };
});
after(async () => { await daemon.stop(); });

const ended = isState("completed");
const states = (events) => ofKind(events, "state").map((each) => each.data.state);
const trials = (events) => ofKind(events, "trial").map((each) => each.data.trial);
const post = (route, json) => api(daemon.url, route, { method: "POST", json });

/* Ids never fall, and each trial and state has one of its own. */
function checkOrder(events) {
    const ids = events.filter((each) => each.id !== undefined).map((each) => Number(each.id));
    ids.forEach((id, i) => assert.ok(i === 0 || id >= ids[i - 1], `${ids[i - 1]} before ${id}`));
    const own = events.filter((each) => ["trial", "state"].includes(each.event)).map((each) => each.id);
    assert.equal(new Set(own).size, own.length);
}

test("a search tells each of its trials once, with the trial's numbers, and each of its states", async () => {
    const made = await submit(daemon.url, { ...SMALL, start: false });
    const stream = await openEvents(daemon.url, `/experiments/${made.id}/events`);
    assert.equal(stream.status, 200);
    assert.match(stream.headers.get("Content-Type"), /^text\/event-stream/);
    await stream.until(isState("paused"));
    await post(`/experiments/${made.id}/resume`);
    await stream.until(ended);
    await stream.until((events) => ofKind(events, "progress").at(-1)?.data.state === "completed");
    stream.close();

    assert.equal(stream.events[0].retry, "2000");
    assert.deepEqual(states(stream.events), ["paused", "running", "completed"]);
    assert.equal(ofKind(stream.events, "state").at(-1).data.stop_reason, "trials");
    assert.deepEqual(trials(stream.events).sort((a, b) => a - b), Array.from({ length: 12 }, (_, i) => i + 1));
    checkOrder(stream.events);

    for (const { data } of ofKind(stream.events, "trial")) {
        const { json } = await api(daemon.url, `/experiments/${made.id}/trials/${data.trial}`);
        const { experiment, ...told } = data;
        assert.equal(experiment, made.id);
        for (const [name, value] of Object.entries(told))
            assert.deepEqual(value, json[name], `${name} of trial ${data.trial}`);
    }
    const { json } = await api(daemon.url, `/experiments/${made.id}`);
    const { experiment, state, best, ...progress } = ofKind(stream.events, "progress").at(-1).data;
    assert.deepEqual(progress, json.progress);
    assert.deepEqual([experiment, state, best], [made.id, "completed", json.best]);
});

test("whoever comes back with the last id gets what was missed, and no more", async () => {
    const { id } = await submit(daemon.url, SMALL);
    await finished(daemon.url, id);
    const all = await openEvents(daemon.url, `/experiments/${id}/events?last_event_id=0`);
    await all.until(ended);
    all.close();
    const told = all.events.filter((each) => ["trial", "state"].includes(each.event));
    assert.equal(told.length, 12 + 3); /* queued, running, completed */

    for (const seen of [1, 6, told.length - 1]) {
        /* The header counts: a browser sends it to the address that it had at first. */
        const rest = await openEvents(daemon.url, `/experiments/${id}/events?last_event_id=0`,
                                      { lastId: told[seen - 1].id });
        await rest.until(ended);
        rest.close();
        assert.deepEqual(rest.events.filter((each) => ["trial", "state"].includes(each.event)),
                         told.slice(seen));
    }
});

test("nothing is lost or told twice when the daemon is killed in the middle", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-events-"));
    const db = path.join(folder, "sweepd.db");
    const first = await startDaemon({ db });
    await upload(first.url, "iris");
    const { id } = await submit(first.url, { ...SMALL, budget: { trials: 100 },
                                             space: { ...SMALL.space, epochs: 200 } });
    const before = await openEvents(first.url, `/experiments/${id}/events`);
    await before.until((events) => trials(events).length >= 10);
    await first.kill9();
    await before.ended;

    const second = await startDaemon({ db });
    const lastId = before.events.filter((each) => each.id !== undefined).at(-1).id;
    const rest = await openEvents(second.url, `/experiments/${id}/events`, { lastId });
    await rest.until(() => ended([...before.events, ...rest.events]), 120);
    rest.close();
    await second.stop();
    await rm(folder, { recursive: true });

    const both = [...before.events, ...rest.events];
    assert.deepEqual(trials(both).sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i + 1));
    assert.deepEqual(states(both), ["running", "completed"]);
    checkOrder(both);
});

test("an id of another database is answered by a reset, then by how things stand", async () => {
    const { id } = await submit(daemon.url, SMALL);
    await finished(daemon.url, id);
    const stream = await openEvents(daemon.url, `/experiments/${id}/events`, { lastId: 2 ** 52 });
    await stream.until((events) => ofKind(events, "progress").length > 0);
    stream.close();
    assert.deepEqual(stream.events.slice(1).map((each) => each.event), ["reset", "state", "progress"]);
    assert.deepEqual(states(stream.events), ["completed"]);

    const refused = await api(daemon.url, `/experiments/${id}/events?last_event_id=newest`);
    assert.equal(refused.status, 422);
    assert.match(refused.json.detail, /last_event_id: expected an integer, got "newest"/);
    assert.equal((await api(daemon.url, "/experiments/987654/events")).status, 404);
});

test("what others train is told as they tell it, and the end of what they did not", async () => {
    const { id } = await submit(daemon.url, STUDY);
    const stream = await openEvents(daemon.url, `/experiments/${id}/events`);
    await post(`/experiments/${id}/ask`, { count: 3 });
    await post(`/experiments/${id}/trials/2/tell`, { score: 0.1 + 0.2 });
    await stream.until((events) => trials(events).length === 1);
    assert.equal(ofKind(stream.events, "trial")[0].data.score, 0.1 + 0.2);
    await post(`/experiments/${id}/cancel`);
    await stream.until(isState("cancelled"));
    stream.close();
    assert.deepEqual(ofKind(stream.events, "trial").map(({ data }) => [data.trial, data.state, data.reason]),
                     [[2, "completed", null], [1, "cancelled", "user"], [3, "cancelled", "user"]]);
    assert.equal((await api(daemon.url, `/experiments/${id}/trials/3`)).json.error, "its experiment was cancelled");
});

test("a deletion is the last event of an experiment, and one of all experiments", async () => {
    const all = await openEvents(daemon.url, "/events");
    await all.until((events) => events.length > 0);
    const { id } = await submit(daemon.url, SMALL);
    const mine = (events) => events.filter((each) => each.data?.experiment === id);
    await all.until((events) => states(mine(events)).includes("completed"));
    const one = await openEvents(daemon.url, `/experiments/${id}/events`);
    await one.until(ended);
    assert.equal((await api(daemon.url, `/experiments/${id}`, { method: "DELETE" })).status, 204);
    await one.ended;
    assert.equal(states(one.events).at(-1), "deleted");

    await all.until((events) => states(mine(events)).includes("deleted"));
    all.close();
    assert.deepEqual(states(mine(all.events)), ["queued", "running", "completed", "deleted"]);
    assert.deepEqual(trials(all.events), []);
    checkOrder(all.events);
});

test(`${STREAMS} streams are told the same`, async () => {
    const { id } = await submit(daemon.url, { ...SMALL, start: false });
    const streams = await Promise.all(Array.from({ length: STREAMS }, () =>
        openEvents(daemon.url, `/experiments/${id}/events`)));
    await Promise.all(streams.map((each) => each.until(isState("paused"))));
    await post(`/experiments/${id}/resume`);
    await Promise.all(streams.map((each) => each.until(ended)));
    const told = streams.map((each) => each.events.filter((e) => ["trial", "state"].includes(e.event)));
    assert.equal(told[0].length, 1 + 12 + 2);
    for (const each of told)
        assert.deepEqual(each, told[0]);
    streams.forEach((each) => each.close());
});

/* Last, since it has waited meanwhile. */
test("a stream with nothing to tell shows every 15 s that it lives", async () => {
    await quiet.until((events) => events.some((each) => each.comment), 120);
    assert.ok(performance.now() - quiet.began > 14000, "and not more often");
    quiet.close();
});
