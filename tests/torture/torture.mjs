/*
 * make torture: KILLS (500) kills at random moments over every scenario, in as many rounds as that
 * takes. SEED chooses moments, threads and kernels; what the scheduler does remains its own.
 */

import path from "node:path";

import { assertSame, dump, makeRandom, ordeal, undisturbed, withFolder } from "./ordeal.mjs";
import { SCENARIOS } from "./scenarios.mjs";

const KILLS = Number(process.env.KILLS ?? 500);
const SEED = Number(process.env.SEED || Date.now() % 1e6);

await withFolder(async (folder) => {
    console.log(`SEED=${SEED} KILLS=${KILLS}, ${SCENARIOS.length} scenarios side by side`);
    const random = makeRandom(SEED);
    const expected = await undisturbed(folder, SCENARIOS);
    const sum = { kills: 0, early: 0, facts: 0, folds: 0 };
    for (let round = 1; sum.kills < KILLS; round++) {
        const began = performance.now();
        const db = path.join(folder, `round-${round}.db`);
        const counts = await ordeal({ db, scenarios: SCENARIOS, kills: KILLS - sum.kills, random });
        assertSame(await dump(db), expected);
        for (const key of Object.keys(sum))
            sum[key] += counts[key];
        const seconds = (performance.now() - began) / 1000;
        console.log(`round ${round}: ${counts.kills} kills in ${seconds.toFixed(1)} s, ${sum.kills} so far`);
    }
    console.log(`${sum.kills} kills (${sum.early} before it was ready): ${sum.facts} acknowledged facts and ` +
                `${sum.folds} stored folds looked for, none lost, none changed; results as undisturbed`);
});
