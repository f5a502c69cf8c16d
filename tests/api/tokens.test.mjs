/* Tokens: who may do what, whose things are whose, and that nothing of a token is left anywhere. */

import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { api, startDaemon, sweepd, until } from "../lib/daemon.mjs";

const TINY = { dataset: "iris", sampler: "grid", space: { width: [2], epochs: 1 }, start: false };
const IRIS = await readFile(new URL("../data/iris.csv", import.meta.url));

let folder;
let db;
let daemon;
let token; /* by name */
const seen = []; /* every secret there was */

async function make(label, scope, ...more) {
    const { status, stdout, stderr } =
        await sweepd(["token", "create", "--label", label, "--scope", scope, "--db", db, ...more]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^swd_[0-9a-f]{64}\n$/);
    seen.push(stdout.trim());
    return stdout.trim();
}

const bearer = (secret) => (secret ? { Authorization: `Bearer ${secret}` } : {});
const as = (secret, at, { headers, ...options } = {}) =>
    api(daemon.url, at, { ...options, headers: { ...bearer(secret), ...headers } });

async function submit(secret, more = {}) {
    const answer = await as(secret, "/experiments", { json: { ...TINY, ...more } });
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
}

/* The status alone: a stream has no end. */
async function status(secret, method, at) {
    const response = await fetch(`${daemon.url}${at}`, { method, headers: bearer(secret) });
    await response.body?.cancel();
    return response.status;
}

async function login(secret, headers = {}) {
    const answer = await as(null, "/session", { json: { token: secret }, headers });
    const cookie = answer.headers.get("Set-Cookie")?.split(";")[0];
    if (cookie)
        seen.push(cookie.split("=")[1]);
    return { ...answer, cookie };
}

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-tokens-"));
    db = path.join(folder, "sweepd.db");
    const first = await make("root", "admin"); /* before there is a daemon */
    daemon = await startDaemon({ db, args: ["--log-level", "debug"] });
    token = { admin: first, read: await make("eve", "read"), ada: await make("ada", "submit"),
              bob: await make("bob", "submit") };
    const sent = await as(token.ada, "/datasets?name=iris", { method: "POST", body: IRIS });
    assert.equal(sent.status, 201, sent.text);
    assert.equal(sent.json.owner, "ada");
});

after(async () => {
    await daemon?.stop();
    await rm(folder, { recursive: true });
});

/* ---- who may do what ---- */

/* Every route: what it needs, and whether it changes something of somebody's. */
const ROUTES = `
    GET / open
    GET /healthz open
    GET /readyz open
    GET /{file} open
    GET /docs open
    GET /openapi.json read
    GET /metrics read
    GET /api/v1 read
    PUT /api/v1/datasets/{dataset} submit
    POST /api/v1/datasets submit
    GET /api/v1/datasets read
    GET /api/v1/datasets/{dataset} read
    GET /api/v1/datasets/{dataset}/rows read
    POST /api/v1/experiments submit
    POST /api/v1/experiments/validate read
    GET /api/v1/experiments read
    GET /api/v1/experiments/{experiment} read
    PATCH /api/v1/experiments/{experiment} submit owned
    POST /api/v1/experiments/{experiment}/pause submit owned
    POST /api/v1/experiments/{experiment}/resume submit owned
    POST /api/v1/experiments/{experiment}/cancel submit owned
    POST /api/v1/experiments/{experiment}/extend submit owned
    POST /api/v1/experiments/{experiment}/clone submit
    POST /api/v1/experiments/{experiment}/unseal submit owned
    POST /api/v1/experiments/{experiment}/prune submit owned
    GET /api/v1/experiments/{experiment}/best read
    GET /api/v1/experiments/{experiment}/trials read
    POST /api/v1/experiments/{experiment}/ask submit owned
    POST /api/v1/experiments/{experiment}/trials submit owned
    POST /api/v1/experiments/{experiment}/trials/{trial}/report submit owned
    POST /api/v1/experiments/{experiment}/trials/{trial}/tell submit owned
    GET /api/v1/experiments/{experiment}/trials/{trial} read
    GET /api/v1/experiments/{experiment}/trials/{trial}/curves read
    GET /api/v1/experiments/{experiment}/importance read
    GET /api/v1/experiments/{experiment}/folds read
    GET /api/v1/experiments/{experiment}/export.db read
    GET /api/v1/experiments/{experiment}/columns read
    GET /api/v1/experiments/{experiment}/events read
    GET /api/v1/events read
    GET /api/v1/experiments/{experiment}/watch read
    GET /api/v1/session read
    POST /api/v1/session open
    DELETE /api/v1/session open
    GET /api/v1/tokens admin
    POST /api/v1/tokens admin
    DELETE /api/v1/tokens/{token} admin
    DELETE /api/v1/experiments/{experiment} submit owned
    DELETE /api/v1/experiments submit
    DELETE /api/v1/datasets/{dataset} submit owned`
    .trim().split("\n").map((line) => line.trim().split(" "));

test("the routes of this test are those of the daemon's table", async () => {
    const source = await readFile(new URL("../../server/api/routes.c", import.meta.url), "utf8");
    const defined = Object.fromEntries([...source.matchAll(/^#define (API|EXPERIMENT|TRIAL) (.*)$/gm)]
        .map((match) => [match[1], match[2]]));
    const text = (expression) => expression.replace(/API|EXPERIMENT|TRIAL/g, (name) => text(defined[name]))
        .replace(/["\s]/g, "").replace(/\.\*$/, "");
    const table = [...source.matchAll(/\{HTTP_([A-Z]+),\s*((?:[A-Z]+\s*)?(?:"[^"]*")?),\s*\w+,\s*HTTP_BODY/g)]
        .map((match) => `${match[1]} ${text(match[2])}`);
    assert.deepEqual(table.sort(), ROUTES.map(([method, at]) => `${method} ${at}`).sort());
});

test("/openapi.json tells of each call the scope that it asks for", async () => {
    const { paths, components } = await (await fetch(`${daemon.url}/openapi.json`, {
        headers: { Authorization: `Bearer ${token.read}` } })).json();
    const told = Object.entries(paths).flatMap(([at, calls]) => Object.entries(calls).map(([method, call]) => {
        for (const way of call.security)
            assert.ok(components.securitySchemes[Object.keys(way)[0]]);
        const scopes = call.security.map((way) => Object.values(way)[0][0]);
        return [`${method.toUpperCase()} ${at.replace(/\.(csv|txt)$/, "")}`, scopes.join(" ")];
    }));
    const known = Object.fromEntries(ROUTES.map(([method, at, scope]) => [`${method} ${at}`, scope]));
    assert.ok(told.length > 40);
    for (const [call, scopes] of told)
        assert.equal(scopes, known[call] === "open" ? "" : `${known[call]} ${known[call]}`, call);
});

test("each route asks for its scope, and for its owner where it changes something of somebody's", async () => {
    const { id } = await submit(token.ada);
    const names = { file: "style.css", dataset: "iris", experiment: id, trial: 1, token: "no.body" };
    for (const [method, pattern, scope, owned] of ROUTES) {
        const at = pattern.replace(/\{(\w+)\}/g, (_, name) => names[name]);
        const by = async (who) => status(token[who], method, at);
        const may = async (who, yes) => {
            const got = await by(who);
            assert.equal(![401, 403].includes(got), yes, `${who}: ${method} ${at}: ${got}`);
        };
        assert.equal(await by("nobody") === 401, scope !== "open", `nobody: ${method} ${at}`);
        await may("read", ["open", "read"].includes(scope));
        await may("bob", scope !== "admin" && !owned);
        await may("ada", scope !== "admin");
        await may("admin", true);
    }
});

test("a stranger is not told which paths there are, and a large body of theirs is not read", async () => {
    assert.equal(await status(null, "GET", "/api/v1/nothing"), 401);
    assert.equal(await status(null, "PUT", "/api/v1/experiments"), 401);
    assert.equal(await status(null, "OPTIONS", "/api/v1/experiments"), 401);
    assert.equal(await status(token.read, "GET", "/api/v1/nothing"), 404);
    assert.equal(await status(token.read, "PUT", "/api/v1/experiments"), 405);

    const answer = await new Promise((resolve, reject) => {
        const socket = net.connect(new URL(daemon.url).port, "127.0.0.1");
        let text = "";
        socket.setEncoding("utf8").on("data", (chunk) => (text += chunk)).on("error", reject)
            .on("end", () => resolve(text));
        socket.write("PUT /api/v1/datasets/x.csv HTTP/1.1\r\nHost: localhost\r\n" +
                     "Content-Length: 9000000000\r\n\r\n"); /* and no byte of it */
    });
    assert.match(answer, /^HTTP\/1\.1 401 /);
    assert.match(answer, /\r\nWWW-Authenticate: Bearer/);
});

test("refusals say what is needed, and whose it is", async () => {
    const { id } = await submit(token.ada);
    const scope = await as(token.read, "/experiments", { json: TINY });
    assert.equal(scope.status, 403);
    assert.match(scope.json.detail, /needs a token with scope submit; "eve" has read/);
    const owner = await as(token.bob, `/experiments/${id}`, { method: "PATCH", json: { name: "mine" } });
    assert.equal(owner.status, 403);
    assert.match(owner.json.detail, new RegExp(`experiment ${id} is owned by "ada"`));
    const latest = await as(token.bob, "/experiments/latest/cancel", { method: "POST" });
    assert.match(latest.json.detail, new RegExp(`experiment ${id} is owned by "ada"`));
    const data = await as(token.bob, "/datasets/iris", { method: "DELETE" });
    assert.match(data.json.detail, /data set 1 is owned by "ada"/);
    const unknown = await as(token.read.replace(/.$/, "_"), "/experiments");
    assert.equal(unknown.status, 401);
    assert.match(unknown.json.detail, /not known here, was revoked or has expired/);
});

test("what is made has its token's label for owner, a clone its cloner's", async () => {
    const { id, owner } = await submit(token.ada, { name: "hers" });
    assert.equal(owner, "ada");
    const clone = await as(token.bob, `/experiments/${id}/clone`, { json: { name: "his" } });
    assert.equal(clone.json.owner, "bob");
    const { json } = await as(token.read, "/experiments?owner=bob");
    assert.deepEqual([...new Set(json.items.map((each) => each.owner))], ["bob"]);
    assert.ok(json.items.some((each) => each.id === clone.json.id));
});

test("a kept answer and 304 are for those who may read", async () => {
    const first = await as(token.read, "/experiments");
    const known = { "If-None-Match": first.headers.get("ETag") };
    assert.equal((await as(token.ada, "/experiments", { headers: known })).status, 304);
    assert.equal((await as(null, "/experiments", { headers: known })).status, 401);
    assert.equal((await as(null, "/experiments")).status, 401);
});

test("an Idempotency-Key is its owner's", async () => {
    const ask = (who) => as(token[who], "/experiments", { json: TINY, headers: { "Idempotency-Key": "k" } });
    const [ada, bob, again] = [await ask("ada"), await ask("bob"), await ask("ada")];
    assert.equal(bob.status, 201, bob.text);
    assert.notEqual(ada.json.id, bob.json.id);
    assert.equal(again.text, ada.text);
    assert.equal(again.headers.get("Idempotency-Replayed"), "true");
});

/* ---- tokens come and go ---- */

test("an admin makes, lists and revokes tokens over HTTP; a secret is in one answer only", async () => {
    const made = await as(token.admin, "/tokens", { json: { label: "carl", scope: "submit", expires_in_seconds: 3600 } });
    assert.equal(made.status, 201, made.text);
    seen.push(made.json.token);
    assert.equal((await as(made.json.token, "/session")).json.label, "carl");
    for (const form of ["", ".csv", ".txt"]) {
        const list = await as(token.admin, `/tokens${form}`);
        assert.match(list.text, /carl/);
        assert.doesNotMatch(list.text, /swd_/);
    }
    const page = (await as(token.admin, "/tokens?limit=2")).json;
    assert.equal(page.items.length, 2);
    assert.equal((await as(token.admin, page.next.replace("/api/v1", ""))).json.items[0].id, 3);
    assert.equal((await as(token.admin, `/tokens/${made.json.id}`, { method: "DELETE" })).status, 204);
    assert.equal((await as(made.json.token, "/session")).status, 401);
    assert.equal((await as(token.admin, `/tokens/${made.json.id}`, { method: "DELETE" })).status, 404);

    const keyed = await as(token.admin, "/tokens", { json: { label: "carl", scope: "read" }, headers: { "Idempotency-Key": "x" } });
    assert.equal(keyed.status, 422, "its answer would have to be kept");
    const wrong = await as(token.admin, "/tokens", { json: { label: "7", scope: "all" } });
    assert.deepEqual(wrong.json.errors.map((each) => each.pointer), ["/scope"]);
});

test("a token that is revoked is worth nothing from then on: no call, session or open stream", async () => {
    const secret = await make("dora", "submit");
    const { id } = await submit(secret);
    const { cookie } = await login(secret);
    const stream = await fetch(`${daemon.url}/api/v1/experiments/${id}/events`, { headers: bearer(secret) });
    const ended = stream.text();
    const { status: done } = await sweepd(["token", "revoke", "dora", "--db", db]);
    assert.equal(done, 0);
    await ended;
    assert.equal((await as(secret, "/experiments")).status, 401);
    assert.equal((await as(null, "/experiments", { headers: { Cookie: cookie } })).status, 401);
    const again = await make("dora", "submit"); /* another token of the same person */
    assert.equal((await as(again, `/experiments/${id}`, { method: "PATCH", json: { notes: "mine" } })).status, 200);
});

test("a token expires", async () => {
    const { json } = await as(token.admin, "/tokens", { json: { label: "brief", scope: "read", expires_in_seconds: 1 } });
    seen.push(json.token);
    const { cookie } = await login(json.token);
    await until(async () => (await as(json.token, "/session")).status === 401);
    if (cookie)
        assert.equal((await as(null, "/session", { headers: { Cookie: cookie } })).status, 401);
});

test("that a token is used is remembered", async () => {
    await until(async () => {
        const { items } = (await as(token.admin, "/tokens")).json;
        return items.find((each) => each.label === "ada").last_used_at !== null;
    });
});

/* ---- sessions of browsers ---- */

test("a session's cookie is for the browser alone, and a change by it says where it comes from", async () => {
    const { id } = await submit(token.ada);
    const { status: code, headers, cookie, json } = await login(token.ada, { Origin: daemon.url });
    assert.equal(code, 200);
    assert.equal(json.label, "ada");
    assert.match(headers.get("Set-Cookie"), /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const change = (more) => as(null, `/experiments/${id}`, { method: "PATCH", json: { notes: "x" }, headers: { Cookie: cookie, ...more } });
    assert.equal((await as(null, "/session", { headers: { Cookie: `a=1; ${cookie}; b=2` } })).json.label, "ada");
    assert.equal((await as(null, "/session", { headers: { Cookie: cookie.slice(0, -1) } })).status, 401);
    assert.equal((await change({ Origin: daemon.url })).status, 200);
    assert.equal((await change({ Origin: "http://elsewhere.example" })).status, 403);
    assert.equal((await change({ "Sec-Fetch-Site": "cross-site" })).status, 403);
    assert.match((await login(token.ada, { Origin: daemon.url.replace("http:", "https:") })).headers.get("Set-Cookie"),
                 /; Secure$/);
    const out = await as(null, "/session", { method: "DELETE", headers: { Cookie: cookie } });
    assert.equal(out.status, 204);
    assert.match(out.headers.get("Set-Cookie"), /=; .*Max-Age=0/);
    assert.equal((await as(null, "/session", { headers: { Cookie: cookie } })).status, 401);
});

/* undici would add Sec-Fetch-Mode, but neither of the two headers: like a program with a cookie jar. */
test("a cookie alone changes nothing", async () => {
    const { id } = await submit(token.ada);
    const { cookie } = await login(token.ada);
    const answer = await as(null, `/experiments/${id}/cancel`, { method: "POST", headers: { Cookie: cookie } });
    assert.equal(answer.status, 403);
    assert.match(answer.json.detail, /Origin/);
});

/* ---- guesses ---- */

test("guessing is slowed down, without shutting out who comes through the same proxy", async () => {
    let answer;
    await until(async () => { /* on a slow machine tries come back meanwhile */
        answer = await login(`swd_${"0".repeat(64)}`);
        return answer.status === 429;
    });
    assert.ok(Number(answer.headers.get("Retry-After")) > 0);
    assert.equal((await as(token.read, "/experiments")).status, 200);
});

/* ---- nothing is left ---- */

test("no secret stands in the log or in a file, and sessions end with the daemon", async () => {
    const { cookie } = await login(token.ada);
    const operator = await readFile(`${db}.operator`, "utf8");
    seen.push(/swd_\w+/.exec(operator)[0]);
    await daemon.stop();
    assert.ok(!(await readdir(folder)).includes("sweepd.db.operator"));
    const places = { log: daemon.stderr() };
    for (const name of await readdir(folder))
        places[name] = await readFile(path.join(folder, name), "latin1");
    for (const [name, text] of Object.entries(places))
        for (const secret of seen)
            assert.ok(!text.includes(secret.replace("swd_", "")), `${name} holds a secret`);
    assert.match(places.log, /a token that is not valid came from 127\.0\.0\.1/);
    const digest = createHash("sha256").update(token.ada).digest("latin1");
    assert.ok(places["sweepd.db"].includes(digest) || places["sweepd.db-wal"].includes(digest));

    daemon = await startDaemon({ db, args: ["--log-level", "debug"] });
    assert.equal((await as(null, "/session", { headers: { Cookie: cookie } })).status, 401);
    assert.equal((await as(token.ada, "/session")).json.label, "ada");
});

/* ---- commands and options ---- */

test("the commands work without a daemon, and say what is wrong", async () => {
    const other = path.join(folder, "other.db");
    const run = (...args) => sweepd(["token", ...args, "--db", other]);
    assert.equal((await run("create", "--label", "ada", "--scope", "read", "--expires", "30")).status, 0);
    const list = await run("list");
    assert.match(list.stdout, /1  ada +read .* until +\d{4}-/);
    assert.doesNotMatch(list.stdout, /swd_/);
    assert.equal((await run("revoke", "1")).status, 0);
    assert.match((await run("list")).stdout, /revoked/);
    for (const [args, text] of [[["revoke", "1"], /no token 1/], [["revoke", "bob"], /no token "bob"/],
                                [["create", "--label", "a b", "--scope", "read"], /label "a b"/],
                                [["create", "--label", "ada", "--scope", "all"], /none of read, submit, admin/],
                                [["create"], /--label/], [["forget"], /create, list or revoke/],
                                [["create", "--label", "a", "--scope", "read", "--expires", "0"], /1 to 36500 days/]]) {
        const { status: code, stderr } = await run(...args);
        assert.equal(code, 2, `${args}`);
        assert.match(stderr, text);
    }
    const closed = await startDaemon({ db: other }); /* it has had a token, though none is valid now */
    assert.equal((await api(closed.url, "/experiments")).status, 401);
    await closed.stop();
});

test("a daemon without tokens asks for none until one is made", async () => {
    const open = await startDaemon();
    assert.deepEqual((await api(open.url, "/session")).json,
                     { label: null, scope: "admin", expires_at: null, needs_token: false });
    const made = await sweepd(["token", "create", "--label", "ada", "--scope", "admin", "--db", open.db]);
    assert.equal(made.status, 0, made.stderr);
    assert.equal((await api(open.url, "/session")).status, 401);
    assert.equal((await api(open.url, "/session", { headers: bearer(made.stdout.trim()) })).status, 200);
    await open.stop();
});

test("with tokens in the database every address may be listened on, and without them none", async () => {
    const bare = path.join(folder, "bare.db");
    const everywhere = { db: bare, args: ["--listen", "0.0.0.0:0"] };
    await (await startDaemon({ db: bare })).stop();
    await assert.rejects(startDaemon(everywhere), /needs tokens, and there are none: make one by/);
    await sweepd(["token", "create", "--label", "ada", "--scope", "admin", "--db", bare]);
    await (await startDaemon(everywhere)).stop();
});

test("tokens of a file are valid too, if nobody else can write it, or read one that stands in it", async () => {
    const file = path.join(folder, "tokens");
    const secret = `swd_${"a1".repeat(32)}`;
    const hash = createHash("sha256").update(secret).digest("hex");
    const start = () => startDaemon({ args: ["--listen", "0.0.0.0:0", "--token-file", file] });
    for (const [text, mode, fault] of [[`ada admin ${secret}\n`, 0o644, /can be read by others/],
                                       [`ada admin sha256:${hash}\n`, 0o666, /can be changed by others/],
                                       ["# nobody\n", 0o600, /holds no token/],
                                       [`# ${" ".repeat(509)}ada admin ${secret}\n`, 0o600, /holds no token/],
                                       [`ada admin ${secret}\0\n`, 0o600, /line 1: .*a NUL byte/],
                                       ["\nada all swd_x\n", 0o600, /tokens, line 2: scope .*all.* is none of read/]]) {
        await writeFile(file, text);
        await chmod(file, mode);
        await assert.rejects(start(), fault);
    }
    await writeFile(file, `# hers\nada submit sha256:${hash}\n`);
    await chmod(file, 0o644);
    const public_ = await start();
    const url = public_.url.replace("0.0.0.0", "127.0.0.1");
    assert.equal((await api(url, "/experiments")).status, 401);
    const who = async (token) => (await api(url, "/session", { headers: bearer(token) })).json.label;
    assert.equal(await who(secret), "ada");

    const other = `swd_${"b2".repeat(32)}`;
    const reload = async (text, told) => {
        const before = public_.stderr().length;
        await writeFile(file, text);
        process.kill(public_.pid, "SIGHUP");
        await until(() => public_.stderr().slice(before).includes("was read again"));
        assert.match(public_.stderr().slice(before), told);
    };
    await reload("bob submit\n", /tokens of the file stay as they were: .*line 1: expected LABEL SCOPE TOKEN/);
    assert.equal(await who(secret), "ada");
    await reload(`bob read sha256:${createHash("sha256").update(other).digest("hex")}\n`, /./);
    assert.equal(await who(other), "bob");
    assert.equal((await api(url, "/session", { headers: bearer(secret) })).status, 401);
    await public_.stop();
});

test("behind a base path one logs in and out within it, and the cookie goes nowhere else", async () => {
    const file = path.join(folder, "behind");
    const secret = `swd_${"c3".repeat(32)}`;
    await writeFile(file, `ada submit ${secret}\n`, { mode: 0o600 });
    const behind = await startDaemon({ args: ["--token-file", file, "--base-path", "/tools/sweepd"] });
    const { origin } = new URL(behind.url);
    const within = (at, options = {}) => api(`${origin}/tools/sweepd`, at, options);
    const cookieOf = (answer) => answer.headers.get("Set-Cookie");

    const login = await within("/session", { json: { token: secret } });
    assert.equal(login.status, 200, login.text);
    assert.match(cookieOf(login), /^sweepd_session_\d+=[0-9a-z_]+; Path=\/tools\/sweepd; HttpOnly; SameSite=Strict/i);
    const headers = { Cookie: cookieOf(login).split(";")[0], Origin: origin };
    assert.equal((await within("/session", { headers })).json.label, "ada");
    assert.equal((await within("/experiments", { headers })).status, 200);
    assert.equal((await within("/experiments")).status, 401);
    const logout = await within("/session", { method: "DELETE", headers });
    assert.equal(logout.status, 204);
    assert.match(cookieOf(logout), /; Path=\/tools\/sweepd;.*Max-Age=0/);
    assert.equal((await within("/experiments", { headers })).status, 401);
    await behind.stop();
});

test("quotas of an owner are held, and name what is used and allowed", async () => {
    const file = path.join(folder, "owners");
    const secrets = { ada: `swd_${"a".repeat(64)}`, bob: `swd_${"b".repeat(64)}` };
    await writeFile(file, `ada submit ${secrets.ada}\nbob submit ${secrets.bob}\n`, { mode: 0o600 });
    const small = await startDaemon({ args: ["--token-file", file, "--max-owner-running", "1",
                                             "--max-owner-bytes", "5000", "--threads", "1"] });
    const ask = (who, at, options) => api(small.url, at, { ...options, headers: bearer(secrets[who]) });
    const send = (who, name) => ask(who, `/datasets?name=${name}`, { method: "POST", body: IRIS });
    const study = { objective: { name: "loss", direction: "minimize" }, space: { x: { min: 0, max: 1 } } };

    assert.equal((await send("ada", "one")).status, 201);
    const second = await send("ada", "two");
    assert.equal(second.status, 403);
    assert.match(second.json.detail, /max-owner-bytes: .*"ada" have 3858 bytes, and with 3858 more .* 5000/);
    assert.equal((await send("bob", "three")).status, 201);

    const runs = await ask("ada", "/experiments", { json: study });
    assert.equal(runs.status, 201, runs.text);
    const more = await ask("ada", "/experiments", { json: study });
    assert.equal(more.status, 403);
    assert.match(more.json.detail, /max-owner-running: "ada" has 1 experiments .* may have 1/);
    const waits = await ask("ada", "/experiments", { json: { ...study, start: false } });
    assert.equal(waits.status, 201);
    const resume = () => ask("ada", `/experiments/${waits.json.id}/resume`, { method: "POST" });
    assert.equal((await resume()).status, 403);
    assert.equal((await ask("bob", "/experiments", { json: study })).status, 201);
    assert.equal((await ask("ada", `/experiments/${runs.json.id}/cancel`, { method: "POST" })).status, 202);
    assert.equal((await resume()).status, 202);
    await small.stop();
});

test("who comes later shares the only thread with who was there before", async () => {
    const file = path.join(folder, "sharers");
    const secrets = { ada: `swd_${"a".repeat(64)}`, bob: `swd_${"b".repeat(64)}` };
    await writeFile(file, `ada submit ${secrets.ada}\nbob submit ${secrets.bob}\n`, { mode: 0o600 });
    const one = await startDaemon({ args: ["--token-file", file, "--threads", "1"] });
    const ask = (who, at, options) => api(one.url, at, { ...options, headers: bearer(secrets[who]) });
    const grid = (points) => ({ dataset: "iris", sampler: "grid", cross_validation: { folds: 2 },
                                space: { width: 4, layers: 1, epochs: 200,
                                         learning_rate: { min: 0.001, max: 0.1, points } } });

    await ask("ada", "/datasets?name=iris", { method: "POST", body: IRIS });
    const hers = (await ask("ada", "/experiments", { json: grid(5000) })).json;
    const his = (await ask("bob", "/experiments", { json: grid(5) })).json;
    const state = async (x) => (await ask("bob", `/experiments/${x.id}`)).json;
    await until(async () => (await state(his)).state === "completed");
    const { state: still, progress } = await state(hers);
    assert.equal(still, "running");
    assert.ok(progress.folds_done < progress.folds, "hers goes on");
    await ask("ada", `/experiments/${hers.id}/cancel`, { method: "POST" });
    await one.stop();
});
