/*
 * A client that outlives the daemon: what fails because the daemon died is asked again of the next
 * one, under the same Idempotency-Key. What was acknowledged becomes a fact, a condition in SQL that
 * must hold in the database after every kill from then on.
 */

import { api } from "../lib/daemon.mjs";

const PAUSE_MS = 60; /* between two looks at a search: not much work for the daemon */
const ENDED = ["completed", "cancelled", "failed"];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (value) => `'${String(value).replaceAll("'", "''")}'`;

/**
 * `server` has ready(), which resolves to the url of a daemon that answers, gone(url), which
 * resolves when that daemon has been killed, and is told by sent() of each request that writes, by
 * answered() of each answer.
 */
export function makeClient(server, name) {
    const facts = new Map();
    let n = 0;

    /* `known` may tell, after a death, that what was asked had been done: its answer or nothing. */
    async function call(path, options = {}, known = async () => undefined) {
        for (let has_died = false; ; has_died = true) {
            const { url } = await server.ready();
            try {
                const done = has_died ? await known() : undefined;
                if (done)
                    return done;
                if ((options.method ?? (options.json ? "POST" : "GET")) !== "GET")
                    server.sent();
                const answer = await api(url, path, options);
                server.answered();
                if (answer.status !== 503)
                    return answer;
                await sleep(PAUSE_MS);
            } catch (error) {
                if (!(error instanceof TypeError)) /* fetch's for a connection that was cut */
                    throw error;
                await server.gone(url);
            }
        }
    }

    function expect(answer, ...statuses) {
        if (!statuses.includes(answer.status))
            throw new Error(`${name}: ${answer.status} ${answer.text}`);
        return answer;
    }

    const know = (key, sql) => facts.set(key, sql);
    const get = async (path) => expect(await call(path), 200).json;

    /* A POST that is done once however often it is asked; `acknowledged` is told of the answer. */
    async function post(path, json, acknowledged = () => {}, options = {}) {
        const headers = { "Idempotency-Key": `${encodeURIComponent(name)}/${n++}` };
        const send = () => call(path, { method: "POST", ...options, json, headers });
        const answer = expect(await send(), 200, 201, 202);
        acknowledged(answer.json);
        const again = await send();
        if (again.text !== answer.text || again.status !== answer.status)
            throw new Error(`${name}: POST ${path} was answered ${answer.status} ${answer.text}\n` +
                            `and under its key ${again.status} ${again.text}`);
        return answer.json;
    }

    async function upload(dataset, csv) {
        const knowIt = ({ id }) => know(`data set ${dataset}`,
            `EXISTS (SELECT 1 FROM dataset WHERE id = ${id} AND name = ${text(dataset)})`);
        return (await post(`/datasets?name=${dataset}`, undefined, knowIt, { body: csv })).id;
    }

    const knowExperiment = (made) => know(`experiment ${made.id}`,
        `EXISTS (SELECT 1 FROM experiment WHERE id = ${made.id} AND name = ${text(made.name)})`);

    const submit = async (definition) =>
        (await post("/experiments", { ...definition, name }, knowExperiment)).id;

    const clone = async (id, patch) => (await post(`/experiments/${id}/clone`, patch, knowExperiment)).id;

    const extend = (id, trials) => post(`/experiments/${id}/extend`, { trials }, ({ definition }) =>
        know(`budget of ${id}`, `(SELECT definition ->> '$.budget.trials' FROM experiment
            WHERE id = ${id}) >= ${definition.budget.trials}`));

    /* It may have been done before, or have ended. */
    async function order(id, what) {
        if (what === "resume")
            facts.delete(`pause of ${id}`);
        const { status } = expect(await call(`/experiments/${id}/${what}`, { method: "POST" }), 202, 409);
        if (what === "pause" && status === 202)
            know(`pause of ${id}`, `(SELECT state FROM experiment WHERE id = ${id}) <> 'running'`);
    }

    /* Whatever a look at it shows is a fact from then on. */
    async function look(id) {
        const seen = await get(`/experiments/${id}`);
        know(`folds of ${id}`, `(SELECT count(*) FROM fold WHERE experiment_id = ${id})
            >= ${seen.dataset ? seen.progress.folds_done : 0}`);
        const { items } = await get(`/experiments/${id}/trials?state=completed&limit=1000`);
        for (const { trial, finished_at } of items)
            know(`trial ${id}/${trial}`, `EXISTS (SELECT 1 FROM trial WHERE experiment_id = ${id}
                AND trial = ${trial} AND state = 'completed'
                AND finished_at_ms = ${Date.parse(finished_at)})`);
        return seen;
    }

    async function until(id, is_time) {
        for (;;) {
            const seen = await look(id);
            if (is_time(seen) || ENDED.includes(seen.state))
                return seen;
            await sleep(PAUSE_MS);
        }
    }

    async function finished(id) {
        const seen = await until(id, () => false);
        if (seen.state !== "completed")
            throw new Error(`${name}: ${seen.state}: ${seen.error}`);
        return seen;
    }

    /* Facts about what is deleted are none any more. */
    async function remove(path, gone) {
        facts.clear();
        expect(await call(path, { method: "DELETE" }), 204, 404);
        know(`deletion of ${path}`, `NOT ${gone}`);
    }

    return {
        facts, name, server, call, expect, get, know, post, upload, submit, clone, extend, order, until,
        finished,
        removeExperiment: (id) => remove(`/experiments/${id}?force=true`,
            `EXISTS (SELECT 1 FROM experiment WHERE id = ${id})`),
        removeDataset: (id) => remove(`/datasets/${id}`,
            `EXISTS (SELECT 1 FROM dataset WHERE id = ${id})`),
    };
}
