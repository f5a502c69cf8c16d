/*
 * The limits of every hyperparameter, taken from the daemon's own table: what lies outside is
 * refused with pointer and range, what lies on a limit is accepted.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { api, startDaemon, upload } from "../lib/daemon.mjs";

let daemon;
let table;

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
    await upload(daemon.url, "diabetes");
    table = (await api(daemon.url, "")).json.hyperparameters;
});
after(async () => { await daemon.stop(); });

function validate(space, dataset = "iris", url = daemon.url) {
    return api(url, "/experiments/validate",
               { json: { dataset, space, sampler: "grid" } });
}

/* The smallest network in which the hyperparameter is used; a layer of 65536 units still fits. */
function space(h, name, value) {
    const around = { layers: 1, width: 4, epochs: 1 };

    if (h.name === "hidden")
        return { epochs: 1, hidden: value };
    if (h.name === "layers")
        around.width = 1;
    if (h.name.startsWith("early_stopping_"))
        around.early_stopping = 2;
    if (h.used_with)
        around[h.used_with] = h.used_with_values[0];
    if (name !== h.name)
        delete around[h.name];
    return { ...around, [name]: value };
}

/* The names under which one is given: width, width_1. */
function names(h) {
    return h.per_layer ? [h.name, `${h.name}_1`] : [h.name];
}

const isNumber = (h) => h.type === "integer" || h.type === "number";
const hasRange = (h) => h.min !== undefined;

/* A list of widths is one of a list's choices. */
const asValue = (h, x) => (h.name === "hidden" ? [[x]] : x);

/* The nearest value that is not allowed: for a real number the next double, or an open limit. */
function below(h) {
    if (h.type !== "number")
        return h.min - 1;
    return h.above_min ? h.min : h.min === 0 ? -Number.MIN_VALUE : h.min - Number.EPSILON * h.min;
}

function above(h) {
    if (h.type !== "number")
        return h.max + 1;
    return h.below_max ? h.max : h.max * (1 + Number.EPSILON);
}

/* Limits that are allowed themselves; just inside where they are not. */
function inside(h) {
    if (h.type !== "number")
        return [h.min, h.max];
    return [h.above_min ? Number.MIN_VALUE : h.min,
            h.below_max ? h.max * (1 - Number.EPSILON) : h.max];
}

const WRONG = {
    "integer": ["many", true, 1.5, "3"],
    "number": ["much", true, "0.5"],
    "boolean": [1, 0, "yes", "true"],
    "string": [7, true, 0.5],
    "array of integers": [64, "64", true, [["64"]], [[1.5]], [[true]]],
};

/* The fault of that hyperparameter, and no other. */
async function refused(h, name, value) {
    const answer = await validate(space(h, name, value));
    const what = `${name}: ${JSON.stringify(value)}`;

    assert.equal(answer.status, 422, `${what} got ${answer.status}: ${answer.text}`);
    assert.equal(answer.headers.get("Content-Type"), "application/problem+json");
    assert.equal(answer.json.errors.length, 1, `${what}: ${answer.text}`);
    const [fault] = answer.json.errors;
    const pointer = `/space/${name}`;
    const ofList = h.name === "hidden" ? fault.pointer.replace(/(\/0)+$/, "") : fault.pointer;
    assert.equal(ofList, pointer, `${what} is told of at ${fault.pointer}`);
    assert.ok(fault.detail.includes(name), `${what}: ${fault.detail}`);
    return fault.detail;
}

async function accepted(h, name, value, dataset) {
    const answer = await validate(space(h, name, value), dataset);

    assert.equal(answer.status, 200, `${name}: ${JSON.stringify(value)}: ${answer.text}`);
    assert.deepEqual(answer.json.definition.space[name], value);
}

test("the table names every hyperparameter once, with a type and either range or words", () => {
    assert.ok(table.length >= 35, `${table.length}`);
    assert.equal(new Set(table.map((h) => h.name)).size, table.length);
    for (const h of table) {
        assert.ok(WRONG[h.type], `${h.name}: ${h.type}`);
        assert.ok(hasRange(h) || h.choices || h.type === "boolean", h.name);
        assert.ok(!hasRange(h) || h.min < h.max, h.name);
    }
    assert.deepEqual(table.filter((h) => h.per_layer).map((h) => h.name),
                     ["width", "activation", "dropout"]);
});

test("a value just outside its limits is refused, and both limits are told", async () => {
    for (const h of table.filter(hasRange))
        for (const name of names(h))
            for (const [value, words, limit] of [[below(h), "below|not above", h.min],
                                                 [above(h), "above|not below", h.max]]) {
                const detail = await refused(h, name, asValue(h, value));
                const range = `${h.above_min ? "above " : ""}${h.min} to ` +
                    `${h.below_max ? "below " : ""}${h.max}`;
                assert.match(detail,
                             new RegExp(`${name} \\S+ is (${words}) ${limit}; expected ${range}$`));
            }
});

test("a value far outside is refused like one just outside", async () => {
    for (const h of table.filter(hasRange))
        for (const value of h.type === "number" ? [-1e300, 1e300] : [-(2 ** 53) + 1, 2 ** 53 - 1])
            assert.match(await refused(h, h.name, asValue(h, value)), / is (below|above) /);
});

test("a value at its limits is accepted", async () => {
    for (const h of table.filter(hasRange))
        for (const name of names(h))
            for (const value of inside(h))
                await accepted(h, name, asValue(h, value));
});

test("a range of which one end is outside is refused at that end", async () => {
    for (const h of table.filter(isNumber))
        for (const [end, range] of [["min", { min: below(h), max: h.max / 2 }],
                                    ["max", { min: Math.ceil(h.max / 4), max: above(h) }]]) {
            const answer = await validate(space(h, h.name, range));
            assert.equal(answer.status, 422, `${h.name}: ${answer.text}`);
            assert.ok(answer.json.errors.some((f) => f.pointer === `/space/${h.name}/${end}`),
                      answer.text);
        }
});

test("a value of the wrong type is refused with what was expected and what came", async () => {
    for (const h of table)
        for (const name of names(h))
            for (const value of WRONG[h.type]) {
                const detail = await refused(h, name, value);
                const came = JSON.stringify(value).replace(/[[\]]/g, "");
                assert.match(detail, /expected|no such choice|known: /, `${name} = ${came}`);
                assert.ok(detail.includes(came), `${came} is not in "${detail}"`);
            }
});

test("every word of the table is accepted, any other is refused with all that are known", async () => {
    for (const h of table.filter((one) => one.choices))
        for (const name of names(h)) {
            for (const word of h.choices)
                await accepted(h, name, word, h.name === "loss" && word !== "cross_entropy"
                    ? "diabetes" : "iris");
            for (const word of ["", "zzz", h.choices[0].toUpperCase(), `${h.choices[0]} `]) {
                const detail = await refused(h, name, word);
                for (const known of h.choices)
                    assert.ok(detail.includes(known), `${known} is not in "${detail}"`);
            }
        }
});

test("an unknown name is refused with the nearest known one", async () => {
    for (const h of table) {
        const typed = `${h.name}x`;
        const answer = await validate({ layers: 1, width: 4, epochs: 1, [typed]: 1 });
        assert.equal(answer.status, 422, answer.text);
        const fault = answer.json.errors.find((f) => f.pointer === `/space/${typed}`);
        assert.ok(fault, answer.text);
        assert.ok(fault.detail.includes(`did you mean ${h.name}`), fault.detail);
    }
});

test("only what can differ from layer to layer takes a layer's number", async () => {
    for (const h of table) {
        const answer = await validate({ [`${h.name}_65`]: 1, epochs: 1 });
        assert.equal(answer.status, 422, answer.text);
        assert.match(answer.json.detail, h.per_layer ? /at most 64 hidden layers/
            : /is one for the whole network/);
    }
});

test("a fold plan that does not fit in memory is refused, in words", async () => {
    const small = await startDaemon({ args: ["--memory", "16M"] });
    const plan = (cross_validation) =>
        api(small.url, "/experiments/validate", { json: { dataset: "digits", cross_validation } });

    try {
        await upload(small.url, "digits");
        for (const [given, key] of [[{ kind: "kfold", repeats: 10000 }, "repeats"],
                                    [{ kind: "shuffle_split", folds: 10000 }, "folds"]]) {
            const { status, json } = await plan(given);
            assert.equal(status, 422);
            assert.deepEqual(json.errors, [{ pointer: `/cross_validation/${key}`,
                                             detail: `${key} 10000: of 1797 rows that is a fold plan of ` +
                                                 "35940000 bytes; the daemon may use 16777216" }]);
        }
        assert.equal((await plan({ kind: "kfold", repeats: 100 })).status, 200);
    } finally {
        await small.stop();
    }
});

test("a network that does not fit in memory is refused in the plan, in words", async () => {
    const small = await startDaemon({ args: ["--memory", "64M"] });
    const huge = { layers: 2, width: 8192, epochs: 1 };

    try {
        await upload(small.url, "iris");
        assert.equal((await validate(huge)).status, 200, "with more memory it is accepted");
        for (const route of ["/experiments/validate", "/experiments"]) {
            const { status, json } = await api(small.url, route,
                                               { json: { dataset: "iris", space: huge } });
            assert.equal(status, 422, JSON.stringify(json));
            assert.match(json.detail, /^a network of 67182595 weights needs \d+ bytes to train; /);
            assert.match(json.detail, /; the daemon may use 67108864$/);
        }
        assert.equal((await api(small.url, "/experiments")).json.total, 0, "nothing is stored");
        const one = await validate({ layers: 2, width: [16, 8192], epochs: 1 }, "iris", small.url);
        assert.equal(one.status, 422, "one such network among others is enough");
        const fits = await validate({ layers: 2, width: 64, epochs: 1 }, "iris", small.url);
        assert.equal(fits.status, 200, fits.text);
    } finally {
        await small.stop();
    }
});
