/*
 * What is tortured: searches of every kind, and whatever else a client can ask. Each scenario is
 * written as if nothing could happen; the client (client.mjs) goes on after a kill. Its results must
 * not depend on when that was. To add one: a line.
 */

import { readFileSync } from "node:fs";

import { isState, openEvents } from "../lib/events.mjs";
import { sleep } from "./client.mjs";

const PATIENCE_SECONDS = 600;
const iris = readFileSync(new URL("../data/iris.csv", import.meta.url));

/* ---- searches that sweepd trains ------------------------------------------------------------- */

const SPACE = { layers: [1, 2], width: { min: 2, max: 8 }, activation: ["relu", "tanh"],
                learning_rate: { min: 1e-3, max: 1, scale: "log" }, epochs: 3 };
const SEARCH = { dataset: "iris", metric: "log_loss", space: SPACE, sampler: "random", concurrency: 4,
                 budget: { trials: 12 }, cross_validation: { folds: 3 } };
const RACE = { cross_validation: { folds: 5 }, budget: { trials: 16 },
               space: { ...SPACE, optimizer: ["adam", "sgd"], epochs: 4 } };
const RUNGS = { budget: { trials: 18 }, space: { ...SPACE, epochs: 9 } };
const GRID = { sampler: "grid", budget: undefined };

const SEARCHES = {
    grid: { ...GRID, space: { width: [2, 4, 8], activation: ["relu", "tanh"], epochs: 3 } },
    random: {},
    sobol: { sampler: "sobol" },
    tpe: { sampler: "tpe" },
    gp: { sampler: "gp" },
    cma_es: { sampler: "cma_es" },
    racing: { ...RACE, pruner: { kind: "racing", alpha: 0.4 } },
    "racing with tpe": { ...RACE, sampler: "tpe", pruner: { kind: "racing", alpha: 0.4 } },
    wilcoxon: { ...RACE, pruner: "wilcoxon" },
    forgiving: { ...RACE, pruner: "forgiving" },
    "racing inside folds": { ...RACE, space: { ...SPACE, epochs: 9 },
                             pruner: { kind: "racing", alpha: 0.4, epochs: true } },
    median: { ...RUNGS, pruner: "median" },
    successive_halving: { ...RUNGS, pruner: "successive_halving" },
    "hyperband with tpe": { ...RUNGS, pruner: "hyperband", sampler: "tpe" },
    "shared epochs": { ...GRID, space: { epochs: [2, 9, 4], width: [3, 6], learning_rate: [0.1, 0.01] } },
    "early stopping": { space: { ...SPACE, epochs: 30, early_stopping: 2, dropout: 0.1 } },
    enqueue: { sampler: "tpe", enqueue: [{ layers: 2, width: 5, activation: "tanh", learning_rate: 0.05 }] },
    stop_when: { sampler: "tpe", stop_when: { patience: 4 } },
    "diverging trials": { space: { ...SPACE, optimizer: "sgd",
                                   learning_rate: { min: 1e-3, max: 1e6, scale: "log" } } },
    "wide networks": { ...GRID, space: { layers: 2, width: [160, 192], epochs: 2 },
                       cross_validation: { kind: "holdout" } },
};

const search = (definition) => async (c) => { await c.finished(await c.submit(definition)); };

/* ---- studies: trials that this client trains --------------------------------------------------- */

const STUDY = { objective: { name: "loss", direction: "minimize" }, sampler: "tpe", budget: { trials: 9 },
                space: { x: { min: -5, max: 5 }, kind: ["plain", "fancy"] } };

const STUDIES = {
    "a study": { steps: 1 },
    "a study, racing": { folds: 3, pruner: { kind: "racing", alpha: 0.4 } },
    "a study, wilcoxon": { folds: 5, pruner: "wilcoxon" },
    "a study, forgiving": { folds: 3, pruner: "forgiving" },
    "a study, median": { steps: 4, pruner: { kind: "median", startup_trials: 2 } },
    "a study, successive_halving": { steps: 4, pruner: { kind: "successive_halving", eta: 2 } },
    "a study, hyperband": { steps: 4, pruner: { kind: "hyperband", eta: 2 } },
};

const valueOf = (p, step) =>
    (p.x - 1) ** 2 + (p.kind === "fancy" ? 0 : 2) + Math.sin(7 * p.x + step) / (1 + step);

/* The next trial, or one that was handed out in an answer that never came; null at the end. */
async function ask(c, id, last) {
    const known = async () => {
        const { items } = await c.get(`/experiments/${id}/trials?state=running`);
        const lost = items.find((t) => t.trial > last);
        return lost && { status: 201, json: { trials: [lost] } };
    };
    const answer = c.expect(await c.call(`/experiments/${id}/ask`, { json: {} }, known), 201, 409);
    if (answer.status === 409)
        return null;
    const [{ trial, params }] = answer.json.trials;
    c.know(`ask ${trial}`, `EXISTS (SELECT 1 FROM trial WHERE experiment_id = ${id} AND trial = ${trial})`);
    return { trial, params };
}

async function report(c, id, trial, step, value) {
    const where = `WHERE experiment_id = ${id} AND trial = ${trial} AND step = ${step}`;
    const { stop } = await c.post(`/experiments/${id}/trials/${trial}/report`, { step, value }, (answer) => {
        c.know(`report ${trial}/${step}`, `EXISTS (SELECT 1 FROM trial_report ${where})`);
        if (answer.stop)
            c.know(`stop ${trial}`, `EXISTS (SELECT 1 FROM trial_stop ${where})`);
    });
    return stop;
}

async function tell(c, id, trial, json) {
    const path = `/experiments/${id}/trials/${trial}`;
    const known = async () => ((await c.get(path)).finished_at ? { status: 200 } : undefined);
    c.expect(await c.call(`${path}/tell`, { json }, known), 200);
    c.know(`tell ${trial}`, `(SELECT finished_at_ms FROM trial
        WHERE experiment_id = ${id} AND trial = ${trial}) IS NOT NULL`);
}

const study = ({ folds, steps, ...definition }) => async (c) => {
    const objective = { ...STUDY.objective, ...(folds ? { folds } : { steps }) };
    const id = await c.submit({ ...STUDY, ...definition, objective });
    for (let t = { trial: 0 }; (t = await ask(c, id, t.trial));) {
        let stop = false, value;
        for (let step = 1; !stop && step <= (folds ?? steps); step++) {
            value = valueOf(t.params, step);
            stop = await report(c, id, t.trial, step, value);
        }
        await tell(c, id, t.trial, stop ? {} : t.trial % 5 === 4 ? { error: "it died" } : { score: value });
    }
    await c.finished(id);
};

/* ---- what else can be asked ------------------------------------------------------------------- */

const LONGER = { ...SEARCH, budget: { trials: 30 } };

async function extended(c) {
    const id = await c.submit({ ...SEARCH, sampler: "tpe", seed: 101 });
    await c.until(id, (x) => x.progress.trials_done >= 6);
    await c.extend(id, 5);
    await c.finished(id);
    await c.extend(id, 5);
    await c.finished(id);
}

async function paused(c) {
    const id = await c.submit({ ...LONGER, sampler: "tpe", seed: 102, start: false });
    while ((await c.get(`/experiments/${id}`)).state !== "completed") {
        await c.order(id, "resume");
        await sleep(40);
        await c.order(id, "pause");
    }
    await c.finished(id);
}

async function unsealed(c) {
    const id = await c.submit({ ...SEARCH, seed: 103, sealed: { fraction: 0.2 } });
    await c.finished(id);
    await c.post(`/experiments/${id}/unseal`, undefined, () =>
        c.know("unsealing", `EXISTS (SELECT 1 FROM unseal WHERE experiment_id = ${id})`));
    while (!(await c.get(`/experiments/${id}`)).unsealed.finished_at)
        await sleep(40);
}

/* The second search finds some of the first one's trainings done. */
async function reused(c) {
    const definition = { ...SEARCH, ...GRID, seed: 104, space: { width: [2, 4, 8], epochs: 3 } };
    const id = await c.submit(definition);
    await c.finished(id);
    await c.finished(await c.clone(id, { space: { width: [8, 3, 2] } }));
}

async function deleted(c) {
    const id = await c.submit({ ...LONGER, seed: 105 });
    await c.until(id, (x) => x.progress.folds_done >= 20);
    await c.removeExperiment(id);
}

async function uploaded(c) {
    const rows = Array.from({ length: 3000 }, (_, i) => `${Math.sin(i)},${i % 7},${Math.cos(3 * i)}`);
    const dataset = await c.upload("waves", `a,b,y\n${rows.join("\n")}\n`);
    const id = await c.submit({ ...SEARCH, metric: "r2", dataset: "waves", seed: 106, budget: { trials: 3 } });
    await c.finished(id);
    await c.removeExperiment(id);
    await c.removeDataset(dataset);
}

/* Every end of a trial is told, however often the stream is cut. */
async function followed(c) {
    const id = await c.submit({ ...LONGER, seed: 107 });
    const told = new Set();
    for (let lastId = 0, is_over = false; !is_over;) {
        const { url } = await c.server.ready();
        try {
            const stream = await openEvents(url, `/experiments/${id}/events`, { lastId });
            await stream.until(isState("completed"), PATIENCE_SECONDS).catch(() => {}); /* cut */
            stream.close();
            for (const event of stream.events) {
                lastId = event.id ?? lastId;
                if (event.event === "trial")
                    told.add(event.data.trial);
                is_over ||= event.event === "state" && event.data.state === "completed";
            }
        } catch (error) {
            if (!(error instanceof TypeError))
                throw error;
        }
        if (!is_over)
            await c.server.gone(url);
    }
    if (told.size !== LONGER.budget.trials)
        throw new Error(`${told.size} of ${LONGER.budget.trials} ends were told`);
}

const ACTIONS = { extended, paused, unsealed, reused, deleted, uploaded, followed };

/* Seeds of their own, so that none finds another's trainings done. */
const searches = Object.entries(SEARCHES).map(([name, definition], i) =>
    [name, search({ ...SEARCH, ...definition, seed: i + 1 })]);
const studies = Object.entries(STUDIES).map(([name, definition], i) =>
    [name, study({ ...definition, seed: i + 1 })]);

/** [name, async (client) => …] of each; an experiment bears the name of its scenario. */
export const SCENARIOS = [...searches, ...studies, ...Object.entries(ACTIONS)];

/** What all of them need. */
export const prepare = (c) => c.upload("iris", iris);
