/*
 * The page in a real browser, before the real daemon. Any error or warning on the console, any
 * failed request and any answer of 400 or more fails the test that met it.
 *
 * SCREENSHOTS=FOLDER keeps a picture of each page.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

import { api, finished, startDaemon, submit, upload } from "../lib/daemon.mjs";

const run = promisify(execFile);
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
              "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SCREENSHOTS = process.env.SCREENSHOTS;

const MARKUP = "<img src=x onerror=alert(1)>";
const SMALL = {
    name: MARKUP,
    dataset: "iris",
    sampler: "grid",
    space: { width: [4, 8], layers: 1, learning_rate: [0.01, 0.03], epochs: 5 },
    cross_validation: { kind: "stratified_kfold", folds: 3 },
    seed: 7,
};
const FOLDS = "Folds and their validation scores";
/* Many short folds: progress is seen soon, and the end is far. */
const LONG = { ...SMALL, name: "long", space: { ...SMALL.space, epochs: 3000,
    learning_rate: { min: 0.001, max: 0.1, scale: "log", points: 100 } } };

const BASE = "/tools/sweepd"; /* the daemon answers with and without it */
const WIDE = { width: 1280, height: 720 };

let daemon;
let browser;
let context; /* one for all pages: a new one each time is half of the time that a page takes */

before(async () => {
    daemon = await startDaemon({ args: ["--base-path", BASE] });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    context = await browser.newContext({ viewport: WIDE });
});

after(async () => {
    await browser?.close();
    await daemon?.stop();
});

/* Opens a page, acts, and demands that nothing went wrong meanwhile. */
async function visit(hash, act, { viewport = WIDE, colorScheme = "light" } = {}) {
    const page = await context.newPage();
    const faults = [];

    page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning")
            faults.push(`console ${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("requestfailed", (request) => {
        if (request.failure()?.errorText !== "net::ERR_ABORTED") /* the view was left */
            faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`);
    });
    page.on("response", (response) => {
        if (response.status() >= 400)
            faults.push(`${response.status()}: ${response.url()}`);
    });
    page.on("dialog", (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        dialog.dismiss();
    });
    try {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        const response = await page.goto(`${daemon.url}/${hash}`);
        await act(page, response);
    } finally {
        await page.close();
    }
    assert.deepEqual(faults, []);
}

async function picture(page, name) {
    if (SCREENSHOTS)
        await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

const bodyRows = (page, caption) => page.getByRole("table", { name: caption }).locator("tbody tr");

async function column(page, caption, label) {
    const heads = await page.getByRole("table", { name: caption }).locator("th").allInnerTexts();
    const at = heads.findIndex((text) => text.trim() === label);
    assert.notEqual(at, -1, `no column "${label}" in ${heads}`);
    return page.getByRole("table", { name: caption })
        .locator(`tbody td:nth-child(${at + 1})`).allInnerTexts();
}

/* The search that most tests look at is made once. */
let search;
async function searched() {
    search ??= (async () => {
        const { id } = await submit(daemon.url, SMALL);
        return finished(daemon.url, id);
    })();
    return search;
}

test("a first visit shows what to type, and the page forbids inline code", async () => {
    await visit("", async (page, response) => {
        await page.getByText("Nothing has been searched yet").waitFor();
        const lines = (await page.locator("pre").allInnerTexts()).join("\n");
        assert.match(lines, /curl -T iris\.csv/);
        assert.ok(lines.includes(daemon.url), "the lines name this daemon");

        const policy = response.headers()["content-security-policy"];
        assert.match(policy, /default-src 'none'/);
        assert.match(policy, /script-src 'self'/);
        assert.doesNotMatch(policy, /unsafe|\*/);
        assert.match(await page.title(), /sweepd/);
        await picture(page, "first-visit");
    });
});

test("an experiment submitted elsewhere appears on the open page and completes there", async () => {
    await upload(daemon.url, "iris");
    await visit("", async (page) => {
        await page.getByText("Nothing has been searched yet").waitFor();
        const { id } = await searched();
        const card = page.locator(`[data-experiment="${id}"]`);

        await card.waitFor();
        await card.getByText("completed").waitFor();
        assert.match(await card.innerText(), /12 of 12 folds/);
        await picture(page, "experiments");
    });
});

test("text that looks like markup is shown as it was written", async () => {
    const { id } = await searched();
    await visit("", async (page) => {
        await page.getByRole("heading", { name: MARKUP, exact: true }).waitFor();
    });
    await visit(`#/experiments/${id}`, async (page) => {
        await page.getByRole("heading", { name: MARKUP, exact: true }).waitFor();
        assert.equal(await page.locator("main img").count(), 0);
    });
});

test("progress moves while an experiment runs, and says when it was cancelled", async () => {
    await searched();
    const { id } = await submit(daemon.url, LONG);
    await visit(`#/experiments/${id}`, async (page) => {
        const bar = page.locator("progress");

        await page.locator("h1 + .badge.running").waitFor();
        await page.waitForFunction(() => document.querySelector("progress")?.value > 0,
            null, { timeout: 60000 });
        assert.ok(await bar.evaluate((b) => b.value) < 1, "caught in the middle");
        await picture(page, "running");

        await api(daemon.url, `/experiments/${id}/cancel`, { method: "POST" });
        await page.locator("h1 + .badge.cancelled").waitFor();
    });
});

test("the leaderboard has a row for each trial and sorts by a click on a header", async () => {
    const { id } = await searched();
    await visit(`#/experiments/${id}`, async (page) => {
        const rows = bodyRows(page, "Leaderboard");
        const head = page.getByRole("columnheader", { name: "width" });

        await rows.first().waitFor();
        assert.equal(await rows.count(), 4);
        assert.deepEqual(await column(page, "Leaderboard", "rank"), ["1", "2", "3", "4"]);

        await head.getByRole("button").click();
        assert.equal(await head.getAttribute("aria-sort"), "ascending");
        assert.deepEqual(await column(page, "Leaderboard", "width"), ["4", "4", "8", "8"]);

        await page.keyboard.press("Enter"); /* the header has kept the focus */
        assert.equal(await head.getAttribute("aria-sort"), "descending");
        assert.deepEqual(await column(page, "Leaderboard", "width"), ["8", "8", "4", "4"]);
        await picture(page, "experiment");
    });
});

test("the leaderboard shows the numbers of the API", async () => {
    const { id, best } = await searched();
    await visit(`#/experiments/${id}`, async (page) => {
        await bodyRows(page, "Leaderboard").first().waitFor();
        assert.equal((await column(page, "Leaderboard", "trial"))[0], String(best.trial));
        assert.equal((await column(page, "Leaderboard", "accuracy"))[0], best.score.toFixed(4));
    });
});

test("a trial lists its folds and draws its learning curves", async () => {
    const { id, best } = await searched();
    const { json } = await api(daemon.url, `/experiments/${id}/trials/${best.trial}`);

    await visit(`#/experiments/${id}`, async (page) => {
        await page.getByRole("table", { name: "Leaderboard" })
            .getByRole("link", { name: String(best.trial), exact: true }).click();
        await page.getByRole("heading", { name: `Trial ${best.trial}` }).waitFor();

        await bodyRows(page, FOLDS).first().waitFor();
        assert.equal(await bodyRows(page, FOLDS).count(), 3);
        assert.deepEqual(await column(page, FOLDS, "accuracy"),
            json.folds.map((fold) => fold.validation.accuracy.toFixed(4)));
        assert.equal(await page.locator("svg.curves").first().locator("path.train").count(), 3);
        await picture(page, "trial");
    });
});

test("a trial says when its learning curves were dropped", async () => {
    const { id } = await submit(daemon.url, { ...SMALL, name: "pruned" });
    await finished(daemon.url, id);
    await api(daemon.url, `/experiments/${id}/prune`, { method: "POST" });
    await visit(`#/experiments/${id}/trials/1`, async (page) => {
        await page.getByText(/^The learning curves were dropped on .*; the scores are kept\.$/).waitFor();
        assert.equal(await page.locator("svg.curves").count(), 0);
    });
});

test("sealed rows are scored by a click, once the search has ended", async () => {
    await searched();
    const { id } = await submit(daemon.url, { ...SMALL, name: "sealed", sealed: { fraction: 0.2 } });
    await finished(daemon.url, id);
    await visit(`#/experiments/${id}`, async (page) => {
        await page.getByText("30 rows were set aside").waitFor();
        await page.getByText("It is done once, at the end").waitFor();
        await picture(page, "sealed");
        await page.getByRole("button", { name: "Unseal" }).click();
        await page.getByText("rows that no trial has seen").waitFor();
        assert.equal(await page.getByRole("button", { name: "Unseal" }).count(), 0);

        const { unsealed } = (await api(daemon.url, `/experiments/${id}`)).json;
        const scores = "Scores on the sealed rows";
        const at = (await column(page, scores, "metric")).indexOf("accuracy");
        assert.equal((await column(page, scores, "sealed rows"))[at],
                     unsealed.scores.accuracy.test.toFixed(4));
        assert.equal((await column(page, scores, "training"))[at],
                     unsealed.scores.accuracy.train.toFixed(4));
        await picture(page, "unsealed");
    });
});

test("what mattered is a bar for each hyperparameter, once there are enough trials", async () => {
    const few = await searched();
    const { id } = await submit(daemon.url, { ...SMALL, name: "importance", sampler: "random",
        budget: { trials: 40 }, metric: "log_loss",
        space: { width: [4, 8], layers: [1, 2], learning_rate: { min: 1e-5, max: 0.1, scale: "log" }, epochs: 5 } });
    await finished(daemon.url, id);
    await visit(`#/experiments/${id}`, async (page) => {
        const caption = "Importance of hyperparameters";
        await page.getByRole("heading", { name: "What mattered" }).waitFor();
        await bodyRows(page, caption).first().waitFor();

        const { dimensions } = (await api(daemon.url, `/experiments/${id}/importance`)).json;
        assert.deepEqual(await column(page, caption, "hyperparameter"), dimensions.map((d) => d.name));
        assert.deepEqual(await column(page, caption, "of the variance"),
                         dimensions.map((d) => `${(100 * d.fanova).toFixed(1)} %`));
        assert.equal(await page.getByRole("table", { name: caption }).locator("svg rect").count(), 3);
        await picture(page, "importance");
    });
    await visit(`#/experiments/${few.id}`, async (page) => {
        await page.getByText("4 completed trials are too few to tell").waitFor();
    });
});

const drawn = (page) => page.locator("svg.by-trial");
const countDrawn = (page) => drawn(page).getAttribute("aria-valuemax").then(Number);

test("a search is drawn while it runs, as the daemon tells of it; behind a base path nothing leaves it",
     async () => {
    await searched();
    const { id } = await submit(daemon.url, LONG);
    const page = await context.newPage(); /* which has asked for nothing else before */
    try {
        const strays = [];
        page.on("request", (request) => {
            if (!request.url().startsWith(`${daemon.url}${BASE}/`))
                strays.push(request.url());
        });
        const told = page.waitForResponse((r) => r.url().endsWith(`/experiments/${id}/events`));
        await page.goto(`${daemon.url}${BASE}/#/experiments/${id}`);
        assert.match((await told).headers()["content-type"], /^text\/event-stream/);
        await page.waitForFunction(() =>
            Number(document.querySelector("svg.by-trial")?.getAttribute("aria-valuemax")) >= 2,
            null, { timeout: 60000 });
        await page.getByRole("heading", { name: "The search" }).waitFor();
        assert.equal(await page.locator("svg.by-trial path.record").count(), 1);
        await picture(page, "search-running");
        await api(daemon.url, `/experiments/${id}/cancel`, { method: "POST" });
        await page.locator("h1 + .badge.cancelled").waitFor();
        assert.deepEqual(strays, []);
    } finally {
        await page.close();
    }
});

test("where events do not get through the page asks by itself", async () => {
    await searched();
    const { id } = await submit(daemon.url, { ...LONG, name: "asked for" });
    const page = await context.newPage();
    await page.route("**/events", (route) => route.abort());
    await page.goto(`${daemon.url}/#/experiments/${id}`);
    await page.locator("h1 + .badge.running").waitFor();
    await api(daemon.url, `/experiments/${id}/cancel`, { method: "POST" });
    await page.locator("h1 + .badge.cancelled").waitFor();
    await page.close();
});

test("a trial is read off the drawing by keys, and opened", async () => {
    const { id } = await searched();
    await visit(`#/experiments/${id}`, async (page) => {
        await page.getByRole("slider", { name: "accuracy of each trial, in order" }).focus();
        await page.keyboard.press("End");
        await page.keyboard.press("ArrowLeft");
        assert.match(await page.locator(".readout").innerText(),
                     /^trial 3 · accuracy 0\.\d+ ± 0\.\d+ · width 8 · learning_rate 0\.01$/);
        assert.match(await drawn(page).getAttribute("aria-valuetext"), /^trial 3 /);
        await picture(page, "search-read");
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "Trial 3", exact: true }).waitFor();
    });
});

test("the score is drawn against the hyperparameter that was chosen", async () => {
    const { id } = await searched();
    await visit(`#/experiments/${id}`, async (page) => {
        await page.getByRole("slider", { name: "accuracy of each trial, against width" }).waitFor();
        await page.getByRole("combobox", { name: "Against" }).selectOption("learning_rate");
        const drawing = page.getByRole("slider", { name: "accuracy of each trial, against learning_rate" });
        await drawing.waitFor();
        assert.equal(await drawing.getAttribute("aria-valuemax"), "4");
        assert.ok((await drawing.locator("text").allTextContents()).includes("0.03"), "a level is marked");
    });
});

test("thousands of trials are drawn whole, and the leaderboard shows the first of any order", async () => {
    const { id } = await submit(daemon.url, { objective: { name: "loss", direction: "minimize" },
        name: "thousands", space: { x: { min: 1e-3, max: 1, scale: "log" }, y: { min: 0, max: 1 } } });
    const trials = Array.from({ length: 2500 }, (_, i) =>
        ({ params: { x: 10 ** (-3 * (i * 0.618 % 1)), y: (i * 0.7548 % 1) }, score: 1 + (i * 0.5698 % 1) }));
    const { status, text } = await api(daemon.url, `/experiments/${id}/trials`, { json: trials });
    assert.equal(status, 201, text);
    await visit(`#/experiments/${id}`, async (page) => {
        await page.getByText("200 of 2,500 trials are shown").waitFor();
        assert.equal(await countDrawn(page), 2500);
        assert.equal(await bodyRows(page, "Leaderboard").count(), 200);
        await page.getByRole("columnheader", { name: "trial" }).getByRole("button").click();
        await page.getByRole("columnheader", { name: "trial" }).getByRole("button").click();
        assert.equal((await column(page, "Leaderboard", "trial"))[0], "2500");
        await picture(page, "thousands");
    });
});

test("a data set shows its columns", async () => {
    await visit("#/datasets", async (page) => {
        await page.getByRole("link", { name: "iris" }).click();
        await page.getByRole("heading", { name: "iris", exact: true }).waitFor();
        assert.deepEqual(await column(page, "Columns", "column"),
            ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]);
        await picture(page, "dataset");
    });
});

test("nothing overflows at a width of 360 pixels, in the dark as well", async () => {
    const { id, best } = await searched();
    const { items } = (await api(daemon.url, "/experiments?q=sealed")).json;
    for (const hash of ["", `#/experiments/${id}`, `#/experiments/${items[0].id}`,
                        `#/experiments/${id}/trials/${best.trial}`, "#/datasets"])
        await visit(hash, async (page) => {
            await page.locator("main h1:not(.hidden)").first().waitFor();
            const width = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(width <= 360, `"${hash}" is ${width} pixels wide`);
            await picture(page, `narrow${hash.replace(/\W+/g, "-")}`);
        }, { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
});

test("an experiment that does not exist is said to be missing", async () => {
    const page = await context.newPage();
    await page.goto(`${daemon.url}/#/experiments/987654`);
    await page.getByRole("alert").waitFor();
    assert.match(await page.getByRole("alert").innerText(), /987654/);
    await page.close();
});

test("a page that loses its daemon says so and goes on when it is back", async () => {
    const { id } = await searched();
    const page = await context.newPage();

    await page.goto(`${daemon.url}/#/experiments/${id}`);
    await bodyRows(page, "Leaderboard").first().waitFor();
    await page.context().setOffline(true);
    await page.getByText("Not connected").waitFor();
    assert.equal(await bodyRows(page, "Leaderboard").count(), 4, "what was there stays");
    await page.context().setOffline(false);
    await page.locator("#connection:empty").waitFor({ state: "attached" });
    await page.close();
});

test("the page of the API shows every call, with lines for curl that work as they stand", async () => {
    await upload(daemon.url, "iris");
    await searched();
    await visit("docs", async (page) => {
        const { paths } = await (await fetch(`${daemon.url}/openapi.json`)).json();
        const calls = Object.values(paths).flatMap((item) => Object.values(item));
        await page.getByRole("heading", { name: "The API" }).waitFor();
        for (const { operationId } of calls)
            assert.equal(await page.locator(`section#${operationId} pre`).count(), 1, operationId);
        const line = await page.locator("#get_experiments_experiment pre").innerText();
        assert.match(line, /^curl /);
        assert.equal(JSON.parse((await run("bash", ["-c", `${line} -s`])).stdout).id,
                     (await api(daemon.url, "/experiments/latest")).json.id);
        await page.getByRole("link", { name: "Definition" }).first().click();
        await page.locator("#Definition").getByText("What an experiment is to find out").waitFor();
    });
});

test("the page of the API fits a narrow window", async () => {
    await visit("docs", async (page) => {
        await page.getByRole("heading", { name: "The API" }).waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    }, { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
});
