/* The disk is looked after: experiments that ended long ago are deleted, curves are dropped. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, finished, startDaemon, submit, sweepd, until, upload } from "../lib/daemon.mjs";

const SMALL = { dataset: "iris", sampler: "grid", space: { width: [2, 4], epochs: 3 } };
const LONG = { dataset: "iris", space: { layers: 1, width: 4, epochs: 100000 } };
const TOMORROW = new Date(Date.now() + 864e5).toISOString();

const run = promisify(execFile);
const sql = async (query) => (await run("sqlite3", ["-readonly", daemon.db, query])).stdout.trim();

let daemon, folder;
before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-care-"));
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => {
    await daemon.stop();
    await rm(folder, { recursive: true });
});

const ended = async (more = {}, url = daemon.url) =>
    finished(url, (await submit(url, { ...SMALL, ...more })).id);
const away = (query, options = {}, url = daemon.url) =>
    api(url, `/experiments?${query}`, { method: "DELETE", ...options });
const ids = (list) => list.map((x) => x.id).sort((a, b) => a - b);
const all = async (url = daemon.url) => ids((await api(url, "/experiments")).json.items);

test("experiments that ended before a time are deleted, no others, and a dry run says which", async () => {
    const old = [await ended({ name: "first" }), await ended()];
    const young = await ended();
    const running = await submit(daemon.url, LONG);
    const query = `finished_before=${young.finished_at}`;

    const dry = await away(`${query}&dry_run=true`);
    assert.equal(dry.status, 200, dry.text);
    assert.deepEqual(ids(dry.json.experiments), ids(old));
    assert.equal(dry.json.bytes, old[0].bytes + old[1].bytes);
    assert.deepEqual(await all(), ids([...old, young, running]));

    const { json } = await away(query);
    assert.deepEqual(json, { ...dry.json, dry_run: false });
    assert.deepEqual(json.experiments.find((x) => x.id === old[0].id),
        { id: old[0].id, name: "first", owner: null, state: "completed",
          finished_at: old[0].finished_at, bytes: old[0].bytes });
    assert.deepEqual(await all(), ids([young, running]));
    const again = await away(query);
    assert.deepEqual([again.json.total, again.json.bytes, again.json.left], [0, 0, 0]);
    assert.equal((await away(`finished_before=${TOMORROW}`)).json.total, 1);
    assert.deepEqual(await all(), [running.id], "one that runs has not ended");
    await api(daemon.url, `/experiments/${running.id}?force=true`, { method: "DELETE" });
});

test("without a time, or with one that is none, nothing is deleted", async () => {
    const one = await ended();
    const bare = await away("");
    assert.equal(bare.status, 400, bare.text);
    assert.equal(bare.json.errors[0].pointer, "finished_before");
    for (const text of ["", "yesterday", "2026-02-30", "2026-11-23T05:20:00", "2026-11-23T24:00:00Z", "1"]) {
        const answer = await away(`finished_before=${text}`);
        assert.equal(answer.status, 422, text);
        assert.match(answer.json.detail, /finished_before: expected a time in UTC/);
    }
    assert.equal((await away("finished_before=2999-01-01&stat=failed")).status, 422);
    for (const early of ["1970-01-01", "2001-02-28T23:59:59.5Z"])
        assert.equal((await away(`finished_before=${early}`)).json.total, 0);
    assert.deepEqual(await all(), [one.id]);
});

test("the filters of the list choose, and what is beyond the limit is left for the next call", async () => {
    await away(`finished_before=${TOMORROW}`);
    const made = [];
    for (const tags of [["paper"], ["scratch"], ["scratch"], ["scratch"]])
        made.push(await ended({ tags }));
    const query = `finished_before=${TOMORROW}&tag=scratch&limit=2`;
    const listed = await api(daemon.url, `/experiments?finished_before=${made[2].finished_at}`);
    assert.deepEqual(ids(listed.json.items), ids(made.slice(0, 2)));
    const first = await away(query);
    assert.deepEqual([ids(first.json.experiments), first.json.left], [ids(made.slice(1, 3)), 1]);
    const second = await away(query);
    assert.deepEqual([ids(second.json.experiments), second.json.left], [ids(made.slice(3)), 0]);
    assert.deepEqual(await all(), ids(made.slice(0, 1)));
});

test("with scope submit only one's own go", async () => {
    const guarded = await startDaemon();
    const token = async (label, scope) => ({ Authorization: `Bearer ${(await sweepd(["token", "create",
        "--label", label, "--scope", scope, "--db", guarded.db])).stdout.trim()}` });
    await upload(guarded.url, "iris");
    const nobodys = await ended({}, guarded.url);
    const [ada, eve, admin] = [await token("ada", "submit"), await token("eve", "submit"),
                               await token("ops", "admin")];
    const made = await api(guarded.url, "/experiments", { json: SMALL, headers: ada });
    await until(async () => (await api(guarded.url, `/experiments/${made.json.id}`, { headers: ada })).json.state ===
        "completed");
    const query = `finished_before=${TOMORROW}`;
    assert.equal((await away(query, { headers: eve }, guarded.url)).json.total, 0);
    const others = await away(`${query}&owner=ada`, { headers: eve }, guarded.url);
    assert.equal(others.status, 403, others.text);
    assert.deepEqual(ids((await away(query, { headers: ada }, guarded.url)).json.experiments), [made.json.id]);
    assert.deepEqual(ids((await away(query, { headers: admin }, guarded.url)).json.experiments), [nobodys.id]);
    await guarded.stop();
});

test("a deletion that is repeated with its key tells the same, also when kill -9 cut it short", async () => {
    const db = path.join(folder, "killed.db");
    let mortal = await startDaemon({ db });
    await upload(mortal.url, "iris");
    const made = [];
    for (let i = 0; i < 12; i++)
        made.push(await ended({ seed: i }, mortal.url));
    const young = await ended({ seed: 99 }, mortal.url);
    const remove = (key) => away(`finished_before=${young.finished_at}`,
                                 { headers: { "Idempotency-Key": key } }, mortal.url);
    const cut = remove("key").catch(() => null);
    await until(async () => (await all(mortal.url)).length <= made.length);
    await mortal.kill9();
    const heard = await cut;
    mortal = await startDaemon({ db });
    const left = await all(mortal.url);
    const again = await remove("key");
    assert.equal(again.status, 200, again.text);
    if (heard?.status === 200)
        assert.equal(again.text, heard.text);
    else if (again.headers.get("Idempotency-Replayed") === null)
        assert.deepEqual(ids(again.json.experiments), left.filter((id) => id !== young.id));
    assert.deepEqual(await all(mortal.url), [young.id]);
    const third = await remove("key");
    assert.equal(third.text, again.text);
    assert.equal(third.headers.get("Idempotency-Replayed"), "true");
    await mortal.stop();
});

const prune = (id, query = "", options = {}) =>
    api(daemon.url, `/experiments/${id}/prune${query}`, { method: "POST", ...options });
const text = async (path) => (await api(daemon.url, path)).text;

test("a deletion that found nothing finds nothing when it is repeated with its key", async () => {
    const ask = () => away(`finished_before=${TOMORROW}&tag=later`,
                           { headers: { "Idempotency-Key": "nothing-yet" } });

    assert.equal((await ask()).json.total, 0);
    const { id } = await ended({ tags: ["later"] });
    const again = await ask();
    assert.equal(again.json.total, 0);
    assert.equal(again.headers.get("Idempotency-Replayed"), "true");
    assert.ok((await all()).includes(id));
});

test("curves are dropped, and scores, trials and folds are as they were", async () => {
    const { id, bytes } = await ended({ seed: 7 });
    const at = `/experiments/${id}`, kept = ["trials.csv", "trials/1", "best", "importance", "columns"];
    const before = await Promise.all(kept.map((name) => text(`${at}/${name}`)));
    const etag = (await api(daemon.url, at)).headers.get("ETag");
    const curves = (await api(daemon.url, `${at}/trials/1/curves`)).json;
    assert.equal(curves.pruned_at, null);
    assert.equal(curves.folds[0].train_loss.length, 3);

    const dry = await prune(id, "?dry_run=true");
    assert.equal(dry.status, 200, dry.text);
    assert.equal(dry.json.folds, 10);
    assert.deepEqual((await api(daemon.url, `${at}/trials/1/curves`)).json, curves, "nothing yet");

    const { json } = await prune(id, "", { headers: { "Idempotency-Key": "p" } });
    assert.deepEqual({ ...json, curves_pruned_at: null }, { ...dry.json, dry_run: false });
    const experiment = await api(daemon.url, at, { headers: { "If-None-Match": etag } });
    assert.equal(experiment.status, 200);
    assert.equal(experiment.json.bytes, bytes - json.bytes);
    assert.equal(experiment.json.curves_pruned_at, json.curves_pruned_at);
    assert.deepEqual(await Promise.all(kept.map((name) => text(`${at}/${name}`))), before);
    const left = (await api(daemon.url, `${at}/trials/1/curves`)).json;
    assert.equal(left.pruned_at, json.curves_pruned_at);
    assert.deepEqual(left.folds.map((f) => [f.fold, f.train_loss, f.layers]), [1, 2, 3, 4, 5].map((n) => [n, null, null]));
    assert.match(await text(`${at}/trials/1/curves.csv`), /^repeat,fold,epoch[^\n]*\n$/);

    const again = await prune(id);
    assert.deepEqual(again.json, { ...json, folds: 0, bytes: 0 });
    assert.deepEqual((await prune(id, "", { headers: { "Idempotency-Key": "p" } })).json, json);
    const views = await sql(`SELECT (SELECT count(*) FROM learning_curves WHERE experiment_id = ${id}),
        (SELECT count(*) FROM layer_statistics WHERE experiment_id = ${id}),
        (SELECT count(*) FROM fold_scores WHERE experiment_id = ${id} AND metric = 'accuracy'),
        (SELECT count(*) FROM leaderboard WHERE experiment_id = ${id} AND cv_mean IS NOT NULL)`);
    assert.equal(views, "0|0|10|2");
});

test("what is searched again after its curves were dropped has curves and the same scores", async () => {
    const { id } = await ended({ seed: 8 });
    await prune(id);
    const again = await ended({ seed: 8, notes: "again" });
    const scores = async (n) => (await api(daemon.url, `/experiments/${n}/trials`)).json.items.map((t) => t.score);
    assert.deepEqual(await scores(again.id), await scores(id));
    assert.equal((await api(daemon.url, `/experiments/${again.id}/trials/1/curves`)).json.folds[0].train_loss.length, 3);
});

test("an experiment that has not ended keeps its curves", async () => {
    const { id } = await submit(daemon.url, { ...SMALL, start: false });
    const refused = await prune(id);
    assert.equal(refused.status, 409, refused.text);
    assert.match(refused.json.detail, /is paused: its curves are dropped once it has ended/);
    assert.equal((await prune(999999)).status, 404);
});

test("a search whose pruner looks at epochs is not extended without its curves", async () => {
    const definition = { dataset: "iris", sampler: "random", pruner: "median", budget: { trials: 4 },
                         cross_validation: { folds: 2 }, space: { width: { min: 2, max: 64 }, epochs: 9 } };
    for (const [more, status] of [[{}, 409], [{ pruner: "none" }, 202]]) {
        const { id } = await ended({ ...definition, ...more });
        await prune(id);
        const answer = await api(daemon.url, `/experiments/${id}/extend`, { json: { trials: 2 } });
        assert.equal(answer.status, status, answer.text);
        if (status === 409)
            assert.match(answer.json.detail, /its learning curves were dropped/);
        else
            assert.equal((await finished(daemon.url, id)).progress.trials_done, 6);
    }
});
