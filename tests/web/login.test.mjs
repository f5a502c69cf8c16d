/*
 * Logging in by the page, in a real browser, before a daemon that has tokens. Scripts of the page
 * never see what was given for the token.
 *
 * SCREENSHOTS=FOLDER keeps a picture of each page.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { chromium } from "playwright-core";

import { api, startDaemon, sweepd } from "../lib/daemon.mjs";

const run = promisify(execFile);
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
              "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SCREENSHOTS = process.env.SCREENSHOTS;
const WIDE = { width: 1280, height: 720 };

let daemon;
let context; /* one for all: a new one each time is half of the time that a test takes */
let browser;
let token;

async function make(label, scope) {
    const { stdout, stderr } =
        await sweepd(["token", "create", "--label", label, "--scope", scope, "--db", daemon.db]);
    assert.match(stdout, /^swd_/, stderr);
    return stdout.trim();
}

before(async () => {
    daemon = await startDaemon();
    token = await make("ada", "submit");
    const headers = { Authorization: `Bearer ${token}` };
    const body = await readFile(new URL("../data/iris.csv", import.meta.url));
    await api(daemon.url, "/datasets?name=iris", { method: "POST", body, headers });
    const made = await api(daemon.url, "/experiments", { headers, json: {
        name: "hers", dataset: "iris", sampler: "grid", start: false, sealed: { fraction: 0.2 },
        space: { width: [2, 4], epochs: 1 } } });
    assert.equal(made.status, 201, made.text);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    context = await browser.newContext({ viewport: WIDE });
});

after(async () => {
    await browser?.close();
    await daemon?.stop();
});

/* Each time as a browser that was never here. */
async function visit(hash, act, size = WIDE) {
    await context.clearCookies();
    const page = await context.newPage();
    const faults = [];

    page.on("pageerror", (error) => faults.push(error.message));
    page.on("response", (response) => {
        if (response.status() >= 400 && response.status() !== 401)
            faults.push(`${response.status()}: ${response.url()}`);
    });
    try {
        await page.setViewportSize(size);
        await page.goto(`${daemon.url}/${hash}`);
        await act(page);
    } finally {
        await page.close();
    }
    assert.deepEqual(faults, []);
}

async function login(page, secret = token) {
    await page.getByLabel("Token").fill(secret);
    await page.getByRole("button", { name: "Log in" }).click();
}

async function picture(page, name) {
    if (SCREENSHOTS)
        await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

test("a stranger is asked for a token, sees nothing else, and is told when it is wrong", async () => {
    await visit("#/experiments/1", async (page) => {
        await page.getByRole("heading", { name: "Log in" }).waitFor();
        await picture(page, "login");
        assert.doesNotMatch(await page.locator("body").innerText(), /hers|iris/);
        await login(page, `swd_${"0".repeat(64)}`);
        await page.getByRole("alert").getByText("not known here").waitFor();
        await picture(page, "login-wrong");
    });
});

test("who has logged in sees what they came for, who they are, and comes back without a token", async () => {
    await visit("#/experiments/1", async (page) => {
        await login(page);
        await page.getByRole("heading", { name: "hers" }).waitFor();
        await page.locator("#who").getByText("ada").waitFor();
        await picture(page, "logged-in");
        const [cookie] = await context.cookies();
        assert.equal(cookie.httpOnly, true);
        assert.equal(cookie.sameSite, "Strict");
        assert.equal(await page.evaluate(() => document.cookie), "");
        assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);

        await page.reload();
        await page.getByRole("heading", { name: "hers" }).waitFor();
    });
});

test("streams, downloads and orders go by the cookie", async () => {
    await visit("#/experiments/1", async (page) => {
        const stream = page.waitForResponse((response) => response.url().endsWith("/experiments/1/events"));
        await login(page);
        assert.equal((await stream).status(), 200);
        const answers = await page.evaluate(async () => {
            const csv = await fetch("/api/v1/experiments/1/trials.csv");
            const order = await fetch("/api/v1/experiments/1", { method: "PATCH", body: '{"notes": "by the page"}',
                headers: { "Content-Type": "application/json" } });
            return [csv.status, order.status];
        });
        assert.deepEqual(answers, [200, 200]);
        await page.reload(); /* a change of notes is no event, so the page need not look again */
        await page.locator(".notes").getByText("by the page").waitFor();
    });
});

test("the page of the API shows commands with a token, and without where none is asked for", async () => {
    await visit("docs", async (page) => {
        const line = (call) => page.locator(`#${call} pre`).innerText();
        await login(page);
        await page.getByRole("heading", { name: "The API" }).waitFor();
        const { stdout } = await run("bash", ["-c", `${await line("get_experiments_experiment")} -s`],
                                     { env: { ...process.env, TOKEN: token } });
        assert.equal(JSON.parse(stdout).name, "hers");
        assert.match(await line("get_healthz"), /^curl '/);
    });
});

test("who logs out is a stranger again, and so is whose token is revoked", async () => {
    await visit("", async (page) => {
        await login(page);
        await page.getByRole("heading", { name: "hers" }).waitFor();
        await page.getByRole("button", { name: "Log out" }).click();
        await page.getByRole("heading", { name: "Log in" }).waitFor();
        assert.equal(await page.locator("#who").innerText(), "");
        await page.reload();
        await page.getByRole("heading", { name: "Log in" }).waitFor();
    });
    const secret = await make("bob", "read");
    await visit("", async (page) => {
        await login(page, secret);
        await page.getByRole("heading", { name: "hers" }).waitFor();
        await sweepd(["token", "revoke", "bob", "--db", daemon.db]);
        await page.getByRole("heading", { name: "Log in" }).waitFor();
    });
});

test("the form and who one is fit into a width of 360 pixels", async () => {
    await visit("", async (page) => {
        const fits = async () => assert.ok(
            await page.evaluate(() => document.documentElement.scrollWidth) <= 360);
        await page.getByRole("heading", { name: "Log in" }).waitFor();
        await fits();
        await picture(page, "narrow-login");
        await login(page);
        await page.locator("#who").getByText("ada").waitFor();
        await fits();
        await picture(page, "narrow-logged-in");
    }, { width: 360, height: 740 });
});
