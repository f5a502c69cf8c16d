/* Lists: pages, filters, orders, and the same rows as CSV and as text. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

let daemon;
let searched;

const STUDY = { objective: { name: "loss", direction: "minimize" },
                space: { x: { min: 0, max: 1 }, kind: ["a", "b, c", "\"d\""] }, sampler: "random" };
const study = (more = {}) => submit(daemon.url, { ...STUDY, start: false, ...more });
const get = async (path) => {
    const answer = await api(daemon.url, path);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
};

/* Every page of a list from the first on, each fetched after `between`. */
async function pages(path, between = async () => {}) {
    const all = [];
    for (let next = `/api/v1${path}`; next;) {
        const page = await fetch(daemon.url + next).then((r) => r.json());
        assert.ok(page.items, JSON.stringify(page));
        all.push(page.items);
        next = page.next;
        await between(all.length);
    }
    return all;
}

/* The records of RFC 4180, lines ended by CRLF. */
function records(text) {
    const rows = [[""]];
    for (let i = 0, quoted = false; i < text.length; i++) {
        const row = rows.at(-1);
        if (text[i] === "\"" && quoted && text[i + 1] === "\"")
            row[row.length - 1] += text[++i];
        else if (text[i] === "\"")
            quoted = !quoted;
        else if (text[i] === "," && !quoted)
            row.push("");
        else if (text.startsWith("\r\n", i) && !quoted)
            rows.push([""]), i++;
        else
            row[row.length - 1] += text[i];
    }
    assert.deepEqual(rows.pop(), [""], "the last line ends as the others do");
    return rows;
}

/* A list in all its forms, by ending and by Accept. */
async function csv(path, query = "") {
    const answer = await api(daemon.url, `${path}.csv${query}`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get("Content-Type"), "text/csv; charset=utf-8");
    const accepted = await api(daemon.url, path + query, { headers: { Accept: "text/csv" } });
    assert.equal(accepted.text, answer.text);
    assert.equal(accepted.headers.get("Vary"), "Accept");
    const [names, ...rows] = records(answer.text);
    for (const row of rows)
        assert.equal(row.length, names.length, answer.text);
    return rows.map((row) => Object.fromEntries(row.map((cell, i) => [names[i], cell])));
}

before(async () => {
    daemon = await startDaemon();
    await upload(daemon.url, "iris");
    searched = await submit(daemon.url, { dataset: "iris", name: "small, \"quoted\"", tags: ["fast"],
        sampler: "grid", space: { width: [2, 4, 8], epochs: 3 },
        cross_validation: { kind: "kfold", folds: 2, repeats: 2 } });
    await finished(daemon.url, searched.id);
});
after(async () => { await daemon.stop(); });

test("experiments come newest first, and those made meanwhile shift no page", async () => {
    const ids = [];
    for (let i = 0; i < 5; i++)
        ids.unshift((await study()).id);
    const seen = await pages("/experiments?limit=2", async (n) => { if (n < 3) await study(); });
    assert.deepEqual(seen.flat().map((x) => x.id), [...ids, searched.id]);
    assert.deepEqual(seen.map((page) => page.length), [2, 2, 2]);
});

test("a page that the list ends with has no next, one that it goes on after has", async () => {
    const { total } = await get("/experiments");
    assert.equal((await get(`/experiments?limit=${total}`)).next, null);
    const short = await get(`/experiments?limit=${total - 1}`);
    assert.equal(short.items.length, total - 1);
    const last = await fetch(daemon.url + short.next).then((r) => r.json());
    assert.deepEqual([last.items.length, last.total, last.next], [1, total, null]);
});

test("experiments are filtered by state, data set, tag, owner and part of the name", async () => {
    const made = await study({ name: "Näher 50% of #7", tags: ["a tag", "x"] });
    const only = async (query) => (await get(`/experiments?${query}`)).items.map((x) => x.id);
    assert.deepEqual(await only("tag=a%20tag"), [made.id]);
    assert.deepEqual(await only("tag=a"), []);
    assert.deepEqual(await only("q=50%25+OF"), [made.id]);
    assert.deepEqual(await only("dataset=iris"), [searched.id]);
    assert.deepEqual(await only(`dataset=1&state=completed&tag=fast`), [searched.id]);
    assert.deepEqual(await only("owner=nobody"), []);
    assert.ok(!(await only("state=paused")).includes(searched.id));
    const unknown = await api(daemon.url, "/experiments?dataset=none");
    assert.equal(unknown.status, 422);
    assert.equal(unknown.json.errors[0].pointer, "dataset");
});

test("any order of experiments can be paged, also by a name that URLs must escape", async () => {
    await study({ name: "a&b=c ü/?#%" });
    await study({ name: "a&b=c ü/?#%" });
    for (const sort of ["name", "-name", "started_at", "-created_at", "state", "-id"]) {
        const whole = (await get(`/experiments?sort=${sort}`)).items.map((x) => x.id);
        const paged = (await pages(`/experiments?sort=${sort}&limit=1`)).flat().map((x) => x.id);
        assert.deepEqual(paged, whole, sort);
    }
});

test("trials are paged in any order while more are told", async () => {
    const { id } = await study({ start: true, budget: { trials: 50 } });
    const tell = async (score) => {
        const asked = await api(daemon.url, `/experiments/${id}/ask`, { json: {} });
        const { trial } = asked.json.trials[0];
        const told = await api(daemon.url, `/experiments/${id}/trials/${trial}/tell`, { json: { score } });
        assert.equal(told.status, 200, told.text);
    };
    for (const score of [0.5, 0.1, 0.9, 0.3, 0.1, 0.7])
        await tell(score);
    for (const sort of ["trial", "-trial", "rank", "-rank", "score", "x", "-kind"]) {
        const whole = (await get(`/experiments/${id}/trials?sort=${sort}`)).items.map((t) => t.trial);
        const paged = (await pages(`/experiments/${id}/trials?sort=${sort}&limit=2`)).flat();
        assert.deepEqual(paged.map((t) => t.trial), whole, sort);
    }
    /* Better ones come while the leaderboard is read: what was there comes once, in order. */
    const seen = await pages(`/experiments/${id}/trials?sort=rank&limit=2`,
                             async (n) => { if (n < 3) await tell(0.01 * n); });
    assert.deepEqual(seen.flat().map((t) => t.score), [0.1, 0.1, 0.3, 0.5, 0.7, 0.9]);
    const rows = await csv(`/experiments/${id}/trials`, "?sort=-score&limit=2");
    assert.deepEqual(rows.map((r) => r.score), ["0.9", "0.7"]);
    for (const row of await csv(`/experiments/${id}/trials`))
        assert.ok(STUDY.space.kind.includes(row.kind), row.kind);
});

const REFUSED = [
    ["/experiments?limit=0", "limit", /limit 0 is below 1; expected 1 to 1000/],
    ["/experiments?limit=1001", "limit", /1001 is above 1000/],
    ["/experiments?limit=ten", "limit", /expected an integer, got "ten"/],
    ["/experiments?limit=", "limit", /expected an integer/],
    ["/experiments?limit=1&limit=2", "limit", /given twice/],
    ["/experiments?lmit=1", "lmit", /did you mean limit\?/],
    ["/experiments?zzzzzz=1", "zzzzzz", /known: state, dataset/],
    ["/experiments?cursor=5", "cursor", /`next`/],
    ["/experiments?sort=nmae", "sort", /perhaps name/],
    ["/experiments?sort=-", "sort", /one of id, name/],
    ["/experiments?state=done", "state", /one of queued, running/],
    ["/experiments/1/trials?sort=widht", "sort", /perhaps width/],
    ["/experiments/1/trials?state=paused", "state", /pruned/],
    ["/experiments/1/trials?cursor=1x", "cursor", /`next`/],
    ["/experiments/1/best?x=1", "x", /takes none/],
    ["/experiments/1/importance.csv?limit=1", "limit", /takes none/],
    ["/experiments/1?wait=-1", "wait", /below 0/],
    ["/experiments/1?wait=3601", "wait", /above 3600/],
    ["/datasets?cursor=-1", "cursor", /below 0/],
    ["/datasets?sort=name", "sort", /known: limit, cursor/],
    ["/datasets/iris/rows?limit=1e3", "limit", /integer/],
    ["/datasets/iris?limit=1", "limit", /takes none/],
];

for (const [path, pointer, detail] of REFUSED)
    test(`refused: ${path}`, async () => {
        const answer = await api(daemon.url, path);
        assert.equal(answer.status, 422, answer.text);
        const fault = answer.json.errors.find((f) => f.pointer === pointer);
        assert.ok(fault, answer.text);
        assert.match(fault.detail, detail);
    });

test("experiments as CSV quote what has commas, and as text are one line each", async () => {
    const rows = await csv("/experiments", "?dataset=iris");
    assert.equal(rows.length, 1);
    const [row] = rows;
    assert.equal(row.name, "small, \"quoted\"");
    assert.equal(row.tags, "[\"fast\"]");
    assert.deepEqual([row.trials, row.trials_done, row.folds_done], ["3", "3", "12"]);
    const { best, finished_at } = await get(`/experiments/${searched.id}`);
    assert.deepEqual([Number(row.best_trial), Number(row.best_score), row.finished_at],
                     [best.trial, best.score, finished_at]);
    const { text } = await api(daemon.url, "/experiments.txt?sort=id&limit=2");
    assert.equal(text.trimEnd().split("\n").length, 4);
    assert.match(text, /^id +name +state/);
});

test("CSV has every row unless asked for fewer, text a page", async () => {
    const rows = (await readFile(new URL("../data/iris.csv", import.meta.url), "utf8")).trim()
        .split(/\r?\n/).slice(1).map((line) => line.replaceAll(".0,", ","));
    const all = await csv("/datasets/iris/rows");
    assert.deepEqual(all.map((r) => Object.values(r).join()), rows);
    assert.equal((await csv("/datasets/iris/rows", "?limit=3")).length, 3);
    const behind = await csv("/datasets/iris/rows", "?cursor=149");
    assert.deepEqual(behind.map((r) => Object.values(r).join()), rows.slice(149));
    const { text } = await api(daemon.url, "/datasets/iris/rows.txt");
    assert.equal(text.trimEnd().split("\n").length, 22);
    assert.deepEqual((await pages("/datasets/iris/rows?limit=75")).map((p) => p.length), [75, 75]);
    assert.deepEqual((await get("/datasets/iris/rows?cursor=150")).items, []);
});

test("data sets are a table too", async () => {
    const [row] = await csv("/datasets");
    assert.deepEqual([row.id, row.name, row.task, row.rows], ["1", "iris", "classification", "150"]);
    assert.match((await api(daemon.url, "/datasets.txt")).text, /^id +name +task/);
});

test("the fold plan is the same in all forms", async () => {
    const rows = await csv(`/experiments/${searched.id}/folds`);
    assert.equal(rows.length, 300);
    const listed = (await pages(`/experiments/${searched.id}/folds?limit=200`)).flat();
    assert.deepEqual(listed.map((f) => [f.row, f.repeat, f.fold].join()),
                     rows.map((f) => Object.values(f).join()));
});

test("curves as CSV have a row for each epoch of each fold, with the numbers of the JSON", async () => {
    const path = `/experiments/${searched.id}/trials/2/curves`;
    const rows = await csv(path);
    const { folds } = await get(path);
    assert.equal(rows.length, 12);
    for (const [i, row] of rows.entries()) {
        const fold = folds[Math.floor(i / 3)];
        assert.deepEqual([row.repeat, row.fold, row.epoch].map(Number),
                         [fold.repeat, fold.fold, i % 3 + 1]);
        for (const name of ["train_loss", "validation_loss", "validation_score", "learning_rate"])
            assert.equal(Number(row[name]), fold[name][i % 3], name);
    }
});

test("importance as CSV has a row for each searched dimension", async () => {
    const rows = await csv(`/experiments/${searched.id}/importance`);
    assert.deepEqual(rows.map((r) => r.name), ["width"]);
});

test("a CSV of more rows than are read at once is whole", async () => {
    const text = "x,y\n" + Array.from({ length: 1234 }, (_, i) => `${i},${i * 7 % 5}`).join("\n");
    await api(daemon.url, "/datasets?name=long&target=y", { method: "POST", body: text });
    assert.deepEqual((await csv("/datasets/long/rows")).map((r) => Number(r.x)),
                     Array.from({ length: 1234 }, (_, i) => i));
});
