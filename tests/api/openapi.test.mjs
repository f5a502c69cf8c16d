/*
 * The daemon describes itself: each example of /openapi.json is accepted, each call answers as it
 * says, and what it forbids is refused. Schemas are judged by Ajv, another reading of the standard.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import Ajv from "ajv/dist/2020.js";

import { api, finished, startDaemon, submit, sweepd, upload } from "../lib/daemon.mjs";
import { openEvents } from "../lib/events.mjs";

const METHODS = ["get", "post", "put", "delete", "patch"];
/* What orders of an experiment need before they can be given. */
const LONG = { dataset: "iris", space: { layers: 1, width: 4, epochs: 100000 } };

let daemon;
let guarded; /* another, which asks for a token: */
let secret;
let contract;
let validator;
let study; /* trials of it are told of */
let searched; /* it has ended, and has sealed rows */

const operations = () => Object.entries(contract.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ method, path, ...item[method] })));
const nameOf = ({ method, path }) => `${method} ${path.replace("/api/v1/", "")}`;

before(async () => {
    daemon = await startDaemon();
    guarded = await startDaemon();
    secret = (await sweepd(["token", "create", "--label", "ops", "--scope", "admin", "--db", guarded.db])).stdout.trim();
    contract = await (await fetch(`${daemon.url}/openapi.json`)).json();
    validator = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    validator.addSchema(contract, "contract");
    await upload(daemon.url, "iris");
    study = (await submit(daemon.url, operation("post", "experiments").requestBody.content["application/json"]
        .examples.study.value)).id;
    const { id } = await submit(daemon.url, { dataset: "iris", sealed: { fraction: 0.2 }, budget: { trials: 2 },
        space: { layers: 1, width: 4, learning_rate: [0.01, 0.1], epochs: 2 } });
    searched = (await finished(daemon.url, id)).id;
});
after(async () => {
    await daemon?.stop();
    await guarded?.stop();
});

const operation = (method, path) => operations().find((o) => o.method === method && o.path === `/api/v1/${path}`);

function check(schema, value, what) {
    const pointer = schema.$ref.replace("#", "contract#");
    const validate = validator.getSchema(pointer);
    assert.ok(validate(value), `${what}: ${JSON.stringify(validate.errors?.slice(0, 5), null, 1)}`);
}

/* Reads a stream until it has told of the progress, and demands that its events are those described. */
async function listen(call, path) {
    const stream = await openEvents(daemon.url, `${path.replace("/api/v1", "")}?last_event_id=0`);
    const { content } = call.responses[stream.status];
    const told = new Set();
    for (const { event, data } of await stream.until((all) => all.some((e) => e.event === "progress"))) {
        const schema = content["text/event-stream"].schema.contentSchema.anyOf.find(({ $ref }) => $ref.toLowerCase().endsWith(`/${event}event`));
        assert.equal(schema !== undefined, data !== undefined, event);
        if (schema)
            check(schema, data, `${nameOf(call)} ${event} ${JSON.stringify(data)}`);
        told.add(event);
    }
    stream.close();
    assert.ok(told.has("state"), nameOf(call));
}

/* Once it has made a token a daemon asks everybody for one: that is done elsewhere. */
const touchesTokens = (call) => call.path.includes("/tokens");
const JSON_TYPE = { "Content-Type": "application/json" };
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

/* Asks, and demands that the answer is one of those described. */
async function ask(call, path, { headers, ...options } = {}) {
    const [{ url }, who] = touchesTokens(call) ? [guarded, bearer(secret)] : [daemon, {}];
    return judge(call, await fetch(url + path, { method: call.method.toUpperCase(), headers: { ...who, ...headers }, ...options }));
}

async function judge(call, response) {
    const text = await response.text();
    const what = `${nameOf(call)} ${response.status} ${text.slice(0, 300)}`;
    const described = call.responses[response.status];
    assert.ok(described, `not described: ${what}`);
    const answer = described.$ref ? contract.components.responses[described.$ref.split("/").pop()] : described;
    const type = (response.headers.get("Content-Type") ?? "").split(";")[0];
    assert.equal(type !== "", answer.content !== undefined, what);
    if (type === "")
        return { status: response.status };
    assert.ok(answer.content[type], `${type} is not described: ${what}`);
    if (/json/.test(type))
        check(answer.content[type].schema, JSON.parse(text), what);
    return { status: response.status, json: /json/.test(type) ? JSON.parse(text) : undefined };
}

async function makeToken(label) {
    const { status, json } = await ask(operation("post", "tokens"), "/api/v1/tokens",
                                       { headers: JSON_TYPE, body: JSON.stringify({ label, scope: "read" }) });
    assert.equal(status, 201);
    return json;
}

const bodies = (call) => Object.entries(call.requestBody?.content ?? {}).flatMap(([type, media]) =>
    Object.entries(media.examples ?? {}).map(([name, { value }]) =>
        ({ name, headers: { "Content-Type": type }, value,
           body: typeof value === "string" ? value : JSON.stringify(value), schema: media.schema })));

/* The path with a value for each variable that the call can work on. */
async function place(call) {
    const about = (id, trial = 1) => call.path.replace("{experiment}", id).replace("{trial}", trial);
    const ofStudies = /\/(ask|report|tell)$/.test(call.path) || nameOf(call) === "post experiments/{experiment}/trials";

    if (/\/(report|tell)$/.test(call.path)) {
        const asked = await ask(operation("post", "experiments/{experiment}/ask"), `/api/v1/experiments/${study}/ask`,
                                { method: "POST" });
        return about(study, asked.json.trials[0].trial);
    }
    if (ofStudies)
        return about(study);
    if (/\/(pause|cancel)$/.test(call.path))
        return about((await submit(daemon.url, LONG)).id);
    if (/\/resume$/.test(call.path))
        return about((await submit(daemon.url, { ...LONG, start: false })).id);
    if (/\/extend$/.test(call.path)) {
        const { id } = await submit(daemon.url, { ...LONG, sampler: "random", budget: { trials: 1 },
            space: { layers: 1, width: { min: 2, max: 64 }, epochs: 1 } });
        return about((await finished(daemon.url, id)).id);
    }
    if (call.path.includes("{token}"))
        return call.path.replace("{token}", (await makeToken("gone")).id);
    if (call.method === "put")
        return call.path.replace("{dataset}", "table.csv");
    if (call.method === "delete" && call.path.includes("{dataset}")) {
        await ask(operation("post", "datasets"), "/api/v1/datasets?name=unwanted",
                  { method: "POST", body: "a,b\n1,2\n2,1\n3,3\n" });
        return call.path.replace("{dataset}", "unwanted");
    }
    if (call.method === "delete" && call.path.includes("{experiment}"))
        return `${about((await submit(daemon.url, { ...LONG, start: false })).id)}?force=true`;
    if (call.method === "delete" && call.path.endsWith("/experiments"))
        return `${call.path}?finished_before=2000-01-01`;
    return about(searched).replace("{dataset}", "iris");
}

test("each call answers an example as the contract says", async (t) => {
    for (const call of operations())
        await t.test(nameOf(call), async () => {
            const examples = bodies(call);
            if (call.responses[200]?.content?.["text/event-stream"])
                return await listen(call, await place(call));
            for (const { headers, body } of examples.length > 0 ? examples : [{}]) {
                const query = call.method === "post" && call.path.endsWith("/datasets") ? "?name=table2" : "";
                const { status } = await ask(call, await place(call) + query, { headers, body });
                assert.ok(status < 300, `${status}`);
            }
        });
});

test("what strangers, guesses and lesser tokens are told is described as well", async () => {
    const to = (method, path, headers, json) => fetch(`${guarded.url}/api/v1/${path}`, { method: method.toUpperCase(),
        headers: { ...headers, ...(json ? JSON_TYPE : {}) }, body: json && JSON.stringify(json) });
    const { token } = await makeToken("eve");
    for (const [status, method, path, headers, json] of [
        [401, "get", "session"], [200, "get", "session", bearer(token)], [401, "get", "experiments"],
        [401, "get", "events"], [401, "post", "session", {}, { token: "wrong" }], [422, "post", "session", {}, {}],
        [200, "post", "session", {}, { token }], [403, "post", "experiments", bearer(token), LONG],
        [403, "get", "tokens", bearer(token)]]) {
        const answer = await judge(operation(method, path), await to(method, path, headers, json));
        assert.equal(answer.status, status, `${method} ${path}`);
    }
});

test("each example of a body obeys its own schema", () => {
    for (const call of operations())
        for (const { name, value, schema } of bodies(call).filter(({ value }) => typeof value === "object"))
            check(schema, value, `${nameOf(call)}, ${name}`);
});

test("a definition that was completed obeys the schema that it was submitted by", async () => {
    for (const id of [study, searched]) {
        const experiment = await (await fetch(`${daemon.url}/api/v1/experiments/${id}`)).json();
        check({ $ref: "#/components/schemas/Definition" }, experiment.definition, `experiment ${id}`);
    }
});

/* Schema and decoder come from one table: they refuse the same. */
const iris = (more) => ({ dataset: "iris", start: false, ...more });
const REFUSED = [
    {}, iris({ sead: 1 }), iris({ seed: -1 }), iris({ seed: { folds: 1.5 } }), iris({ sampler: "gird" }),
    iris({ sampler: { kind: "random", shuffle: true } }), iris({ pruner: { kind: "wilcoxon", revisit: true } }),
    iris({ metric: "speed" }), iris({ budget: { trials: 0 } }), iris({ tags: "one" }), iris({ priority: 11 }),
    iris({ cross_validation: { kind: "holdout", folds: 3 } }), iris({ sealed: { fraction: 1 } }),
    iris({ space: { widht: 8 } }), iris({ space: { dropout: 1 } }), iris({ space: { learning_rate: 0 } }),
    iris({ space: { width: [] } }), iris({ space: { width: [8, 8] } }), iris({ space: { optimizer: { min: 1, max: 2 } } }),
    iris({ space: { width: { min: 1, max: 2, choices: [1] } } }), iris({ space: { epochs: { min: 1, max: 5, per_layer: true } } }),
    iris({ space: { early_stopping: true } }), iris({ space: { hidden: [[0]] } }), iris({ space: { width: null } }),
    { objective: { name: "x", direction: "minimize" } },
    { objective: { name: "x", direction: "minimize" }, space: { a: 1 }, metric: "accuracy" },
    { objective: { name: "x", direction: "minimize" }, space: { a: 1 }, pruner: { kind: "none", alpha: 1 } },
    { objective: { name: "x", direction: "minimize", steps: 9 }, space: { a: 1 }, pruner: { kind: "hyperband", min_step: 0 } },
    { objective: { name: "x", direction: "minimize", folds: 3 }, space: { a: 1 }, pruner: { kind: "racing", revisit: true } },
];
const ACCEPTED = [
    iris({}), iris({ dataset: { id: 1, name: "iris" } }), iris({ seed: { search: 3 } }), iris({ name: null, tags: ["a"] }),
    iris({ sampler: { kind: "grid", shuffle: true }, space: { width: [4, 8] } }), iris({ pruner: { kind: "racing", alpha: 0.2 } }),
    iris({ cross_validation: "kfold" }), iris({ cross_validation: { folds: 3 } }), iris({ sealed: { fraction: 0.1 } }),
    iris({ space: { hidden: [[], [8], [8, 4]] } }), iris({ space: { hidden: [8, 4] } }),
    iris({ space: { layers: 2, width: { choices: [4, 8], per_layer: true }, activation_1: "tanh" } }),
    iris({ space: { batch_size: ["auto", "full", 16], early_stopping: [false, 5], gradient_clip: "none" } }),
    { objective: { name: "x", direction: "minimize", steps: 9 }, space: { a: 1 }, pruner: { kind: "hyperband", eta: 4 } },
    { objective: { name: "x", direction: "minimize", folds: 3 }, space: { a: 1 }, pruner: "racing" },
    { objective: { name: "x", direction: "minimize" }, space: { a: 1 }, pruner: { kind: "median", startup_trials: 2 } },
    { objective: { name: "x", direction: "maximize" }, space: { "any name": [1, "two", true] }, start: false },
];

for (const [list, isGood] of [[REFUSED, false], [ACCEPTED, true]])
    test(`the schema of a definition ${isGood ? "allows what is accepted" : "forbids what is refused"}`, async () => {
        const validate = validator.getSchema("contract#/components/schemas/Definition");
        for (const definition of list) {
            const what = JSON.stringify(definition);
            const { status, text } = await api(daemon.url, "/experiments/validate", { json: definition });
            assert.equal(status, isGood ? 200 : 422, `${what}: ${text}`);
            assert.equal(validate(definition), isGood, what);
        }
    });

test("every call refuses a parameter that the contract does not name", async () => {
    for (const call of operations().filter(({ method }) => method === "get")) {
        const response = await fetch(`${daemon.url}${await place(call)}?no_such_parameter=1`);
        assert.equal(response.status, 422, nameOf(call));
        assert.equal((await response.json()).errors[0].pointer, "no_such_parameter");
    }
});

test("a parameter that comes twice is refused, in a form as well", async () => {
    for (const call of operations().filter(({ method }) => method === "get")) {
        const name = call.parameters.find((p) => p.in === "query")?.name;
        if (!name)
            continue;
        const response = await fetch(`${daemon.url}${await place(call)}?${name}=1&${name}=1`);
        assert.equal(response.status, 422, nameOf(call));
        assert.ok((await response.json()).errors.some((e) => e.detail === `${name} is given twice`), nameOf(call));
    }
    const form = new FormData();
    form.append("target", "a");
    form.append("target", "b");
    form.append("file", new Blob(["a,b\n1,2\n2,1\n3,3\n"]), "twice.csv");
    const response = await fetch(`${daemon.url}/api/v1/datasets`, { method: "POST", body: form });
    assert.equal(response.status, 422);
    assert.deepEqual((await response.json()).errors.map((e) => e.pointer), ["target"]);
});

test("a path that is written out is no value of a variable", async () => {
    const url = `${daemon.url}/api/v1/experiments/validate`;
    assert.equal((await fetch(url, { method: "OPTIONS" })).headers.get("Allow"), "POST, OPTIONS");
    assert.equal((await fetch(url)).status, 405);
});

test("the contract is one text for as long as the daemon lives", async () => {
    const first = await fetch(`${daemon.url}/openapi.json`);
    const again = await fetch(`${daemon.url}/openapi.json`, { headers: { "If-None-Match": first.headers.get("ETag") } });
    assert.equal(again.status, 304);
    const { paths } = await first.json();
    assert.ok(paths["/api/v1/experiments/{experiment}/trials.csv"]);
});
