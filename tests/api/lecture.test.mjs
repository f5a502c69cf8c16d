/* The lecture's claims in small: seconds in place of make lecture's minutes. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startDaemon, upload as uploadTable } from "../lib/daemon.mjs";
import { approximation, depth, optimizers, upload } from "../lecture/claims.mjs";
import { frankeTable } from "../lecture/franke.mjs";

let daemon;

before(async () => {
    daemon = await startDaemon();
    await uploadTable(daemon.url, "digits");
    await upload(daemon.url, "franke", frankeTable(500));
});
after(async () => { await daemon.stop(); });

test("one layer of sigmoid units comes closer to a function the wider it is", async () => {
    const space = { hidden: [[2], [4], [8], [16]], epochs: 500 };
    await approximation(daemon.url, 1e-2, space);
});

test("eight layers learn with weights that fit, and the warnings say why with others", async () => {
    const rows = await depth(daemon.url, { learning_rate: 0.01, epochs: 4 });
    assert.equal(rows.length, 9);
});

test("every optimizer is faster than plain gradient descent from the same weights", async () => {
    const rows = await optimizers(daemon.url, { learning_rate: [0.1, 1], epochs: 30 });
    assert.equal(rows.length, 6);
});
