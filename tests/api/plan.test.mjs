/*
 * What is said before anything is trained: the plan's warnings, also in the answer to a
 * submission, and the name that an experiment without one is given.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { api, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
let daemon;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
});
after(async () => { await daemon.stop(); });

const SPACE = { layers: 1, width: 2, epochs: 1 };

async function plan(definition) {
    const answer = await api(daemon.url, "/experiments/validate", { json: definition });
    assert.equal(answer.status, 200, answer.text);
    return answer.json.plan;
}

test("a class with fewer rows than folds is named before the search, with rows and folds", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i},${i < 3 ? "rare" : i % 2 ? "a" : "b"}\n`);
    const sent = await api(daemon.url, "/datasets?name=uneven",
        { method: "POST", body: `x,label\n${rows.join("")}` });
    assert.equal(sent.status, 201, sent.text);

    const warning = "1 of 3 classes have fewer rows than there are folds (5), the smallest is" +
        " \"rare\" with 3; some folds are without them";
    const definition = { dataset: "uneven", space: SPACE };
    assert.deepEqual((await plan(definition)).warnings, [warning]);
    assert.deepEqual((await submit(daemon.url, definition)).warnings, [warning]);
    const few = { ...definition, cross_validation: { kind: "stratified_kfold", folds: 3 } };
    assert.deepEqual((await plan(few)).warnings, []);
    assert.deepEqual((await submit(daemon.url, few)).warnings, []);
});

test("a dimension that no trial uses is named with all that it would be used with", async () => {
    const warnings = async (space) =>
        (await plan({ dataset: "iris", space: { ...SPACE, ...space } })).warnings;

    assert.deepEqual(await warnings({ optimizer: "sgd", beta1: 0.8 }),
                     ["no trial uses beta1: it needs optimizer adam, adamw or nadam"]);
    assert.deepEqual(await warnings({ rho: 0.8 }),
                     ["no trial uses rho: it needs optimizer rmsprop or adadelta"]);
    assert.deepEqual(await warnings({ momentum: 0.8 }),
                     ["no trial uses momentum: it needs optimizer sgd"]);
});

test("a definition without a name says the name that was given, also in the export", async () => {
    const made = await submit(daemon.url, { dataset: "iris", space: SPACE, start: false });
    assert.equal(made.name, `iris-${made.id}`);
    assert.equal(made.definition.name, made.name);
    const { json } = await api(daemon.url, `/experiments/${made.id}`);
    assert.deepEqual(json.definition, made.definition);

    const folder = await mkdtemp(path.join(tmpdir(), "sweepd-plan-"));
    const file = path.join(folder, "export.db");
    const answer = await fetch(`${daemon.url}/api/v1/experiments/${made.id}/export.db`);
    const again = await fetch(answer.url, { headers: { "If-None-Match": answer.headers.get("ETag") } });
    assert.equal(again.status, 304);
    await writeFile(file, Buffer.from(await answer.arrayBuffer()));
    const { stdout } = await run("sqlite3", ["-readonly", "-json", file,
        "SELECT name, definition FROM experiment_summary"]);
    await rm(folder, { recursive: true, force: true });
    const [row] = JSON.parse(stdout);
    assert.equal(row.name, made.name);
    assert.deepEqual(JSON.parse(row.definition), made.definition);

    const named = await submit(daemon.url, { ...made.definition, name: "mine" });
    assert.equal(named.definition.name, "mine");
    assert.deepEqual({ ...named.definition, name: null }, { ...made.definition, name: null });
});
