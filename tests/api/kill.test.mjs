/* Ten kills at moments that a seed chooses, over searches and calls of every kind; make torture has
 * hundreds. */

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { assertSame, dump, makeRandom, ordeal, undisturbed, withFolder } from "../torture/ordeal.mjs";
import { SCENARIOS } from "../torture/scenarios.mjs";

const KILLS = 10;
const SEED = Number(process.env.SEED || Date.now() % 1e6);

test(`wherever kill -9 falls, nothing acknowledged is lost and the results are the same (SEED=${SEED})`,
     () => withFolder(async (folder) => {
    const expected = await undisturbed(folder, SCENARIOS);
    const db = path.join(folder, "killed.db");
    const counts = await ordeal({ db, scenarios: SCENARIOS, kills: KILLS, random: makeRandom(SEED) });
    assert.ok(counts.kills > 0 && counts.facts > 0 && counts.folds > 0);
    assertSame(await dump(db), expected);
}));
