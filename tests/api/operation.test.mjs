/* What an administrator sets up: options, log, sockets, proxies, programs that are told of an end. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { api, finished, startDaemon, submit, sweepd, until, upload } from "../lib/daemon.mjs";

const BINARY = path.resolve(process.env.SWEEPD ?? "build/sweepd");
const SMALL = { dataset: "iris", sampler: "grid", space: { width: [4, 8], epochs: 5 } };

let folder;
before(async () => { folder = await mkdtemp(path.join(tmpdir(), "sweepd-operation-")); });
after(async () => { await rm(folder, { recursive: true, force: true }); });

const file = (name) => path.join(folder, name);

async function write(name, text) {
    await writeFile(file(name), text);
    return file(name);
}

/* ---- options ---- */

test("every option is also a variable and a line of the file; the command line wins", async () => {
    const { stdout } = await sweepd(["--help"]);
    const names = [...stdout.matchAll(/^  --([a-z-]+) \S/gm)].map((m) => m[1])
        .filter((name) => name !== "config");
    const values = { db: "x.db", listen: "127.0.0.1:0", "base-path": "/x", threads: "2",
                     memory: "64M", "max-db-bytes": "1G", "min-free-bytes": "1M",
                     "token-file": "tokens", "max-owner-running": "2", "max-owner-bytes": "1G",
                     "allow-host": "box", "on-finish": "true", "log-level": "error",
                     "log-format": "json", "web-root": "web" };
    assert.deepEqual(names.sort(), Object.keys(values).sort(), "each has a value here");
    const variable = (name) => `SWEEPD_${name.toUpperCase().replaceAll("-", "_")}`;
    const lines = names.map((name) => `${name} = ${values[name]}\n`);
    const good = [[names.flatMap((name) => [`--${name}`, values[name]]), {}],
                  [[], Object.fromEntries(names.map((name) => [variable(name), values[name]]))],
                  [["--config", await write("all.conf", `# a comment\n\n${lines.join("")}`)], {}]];
    for (const [args, env] of good) {
        const { status, stderr } = await sweepd(["--check-config", ...args], { env });
        assert.equal(status, 0, stderr);
    }
    const config = await write("bad.conf", "threads = none\n");
    const bad = await sweepd(["--check-config", "--config", config]);
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /bad.conf, line 1: "none" is not a whole number/);
    const comment = await write("long.conf", `# ${" threads = none".repeat(300)}\nthreads = 2\n`);
    assert.equal((await sweepd(["--check-config", "--config", comment])).status, 0);
    for (const [text, fault] of [["threads = 2\0 none\n", /nul.conf, line 1: a NUL byte/], [null, /could not read/]]) {
        const at = text ? await write("nul.conf", text) : folder;
        assert.match((await sweepd(["--check-config", "--config", at])).stderr, fault);
    }
    const env = { SWEEPD_THREADS: "nobody" };
    assert.match((await sweepd(["--check-config", "--config", config], { env })).stderr,
                 /SWEEPD_THREADS: "nobody"/);
    assert.equal((await sweepd(["--check-config", "--config", config, "--threads", "1"],
                               { env })).status, 0);
});

test("a command takes the options that it can use, and no others", async () => {
    const { status, stderr } = await sweepd(["backup", file("x.db"), "--listen", "127.0.0.1:0"]);
    assert.equal(status, 2);
    assert.match(stderr, /unknown option "--listen"; sweepd backup --help lists them/);
    for (const command of ["run", "backup", "restore", "check", "token"])
        assert.match((await sweepd([command, "--help"])).stdout,
                     new RegExp(`^usage: sweepd ${command}`));
    assert.match((await sweepd(["run", "--help"])).stdout, /--data --name --target/);
    assert.match((await sweepd(["bakcup"])).stderr, /"bakcup" is no command; sweepd --help/);
    assert.match((await sweepd(["backup", "a", "b"])).stderr, /"b" is one word too many/);
});

/* ---- log ---- */

test("log lines are key=value with quotes where needed, or JSON", async () => {
    const db = file("a \"quoted\" name.db");
    const text = await startDaemon({ db, args: ["--log-level", "debug"] });
    await api(text.url, "/datasets");
    await until(() => text.stderr().includes("path="));
    await text.kill9();
    const value = String.raw`("(\\.|[^"\\])*"|[^" ]+)`;
    const line = new RegExp(`^time=\\S+ level=[a-z]+ message=${value}( [a-z]+=${value})*$`);
    for (const one of text.stderr().trim().split("\n"))
        assert.match(one, line);
    assert.match(text.stderr(), new RegExp("message=request id=\\S+ method=GET " +
                                           "path=/api/v1/datasets route=/api/v1/datasets.\\* " +
                                           "status=200 bytes=\\d+"));

    const json = await startDaemon({ db, args: ["--log-format", "json"] });
    await json.stop();
    const lines = json.stderr().trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.some((l) => l.message.includes('a "quoted" name.db was not closed cleanly')));
    assert.ok(lines.every((l) => l.time && l.level === "info"));
});

test("SIGHUP reads the file again: what can change does, and the rest is said to wait", async () => {
    const config = await write("live.conf", "log-level = info\n");
    const daemon = await startDaemon({ args: ["--config", config] });
    const hang = async (text, sign) => {
        await writeFile(config, text);
        process.kill(daemon.pid, "SIGHUP");
        await until(() => daemon.stderr().includes(sign));
    };
    await hang("log-level = debug\nthreads = 1\nbase-path = /elsewhere\n",
               "changed: log-level; after a restart: base-path, threads");
    await api(daemon.url, "/datasets");
    await until(() => daemon.stderr().includes("path=/api/v1/datasets"));
    await hang("log-level = loud\n", 'the configuration stays as it was');
    assert.match(daemon.stderr(), /line 1: .*loud.* is none of debug, info/);
    await hang("log-level = debug\nlog-format = json\n", 'changed: log-format"');
    assert.equal((await daemon.stop()).code, 0);
    assert.equal(JSON.parse(daemon.stderr().trim().split("\n").at(-1)).level, "info");
});

/* ---- on-finish ---- */

const TELL = `#!/bin/sh
echo "$1 $2 [$3] $SWEEPD_EXPERIMENT $SWEEPD_STATE [$SWEEPD_OWNER] $SWEEPD_DB $SWEEPD_URL" \
    > "$OUT/told-$1-$$"
`;

/* Processes, zombies among them, whose parent this is. */
async function children(pid) {
    const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const stats = await Promise.all(names.map((name) =>
        readFile(`/proc/${name}/stat`, "utf8").catch(() => ""))); /* it may have ended */
    return stats.filter((stat) => stat.slice(stat.lastIndexOf(")")).split(" ")[2] === String(pid));
}

test("the program is run once for each experiment that ends, and leaves no zombie", async () => {
    const program = await write("tell.sh", TELL);
    await chmod(program, 0o755);
    const out = await mkdtemp(path.join(folder, "told-"));
    const env = { OUT: out };
    const args = ["--on-finish", program];
    const told = () => readdir(out).then((names) => names.sort());
    const daemon = await startDaemon({ db: file("told.db"), args, env });
    await upload(daemon.url, "iris");
    const made = await submit(daemon.url, SMALL);
    await finished(daemon.url, made.id);
    const paused = await submit(daemon.url, { ...SMALL, start: false });
    assert.equal((await api(daemon.url, `/experiments/${paused.id}/cancel`,
                            { method: "POST" })).status, 202);
    await until(async () => (await told()).length === 2);
    await until(async () => (await readFile(path.join(out, (await told())[1]))).length > 0);
    const texts = await Promise.all((await told()).map((n) => readFile(path.join(out, n), "utf8")));
    assert.equal(texts[0],
        `1 completed [] 1 completed [] ${daemon.db} ${daemon.url}\n`);
    assert.match(texts[1], /^2 cancelled \[\] 2 cancelled/);
    await until(async () => (await children(daemon.pid)).length === 0);
    await daemon.stop();

    const again = await startDaemon({ db: file("told.db"), args, env });
    const third = await submit(again.url, { ...SMALL, seed: 3 });
    await finished(again.url, third.id);
    await until(async () => (await told()).length >= 3);
    await again.stop();
    assert.deepEqual((await told()).map((n) => n.split("-")[1]), ["1", "2", "3"],
                     "what ended before the restart is not told again");
});

test("a program that fails or does not exist is logged, and hinders nothing", async () => {
    for (const [program, sign] of [[file("none.sh"), "could not start"],
                                   ["false", "ended with status 1"]]) {
        const daemon = await startDaemon({ args: ["--on-finish", program] });
        await upload(daemon.url, "iris");
        assert.equal((await finished(daemon.url, (await submit(daemon.url, SMALL)).id)).state,
                     "completed");
        await until(() => daemon.stderr().includes(sign));
        assert.match(daemon.stderr(), /level=warning message="on-finish of experiment 1: /);
        await daemon.stop();
    }
});

const LIST = `#!/bin/sh
ls -l /proc/self/fd > "$OUT/list.part" && mv "$OUT/list.part" "$OUT/list"
`;

test("the program gets none of the daemon's descriptors but the log", async () => {
    const program = await write("list.sh", LIST);
    await chmod(program, 0o755);
    /* Passed twice: of the second one the daemon knows nothing. */
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const child = activate(server, ["--db", file("list.db"), "--on-finish", program],
                           { more: [server._handle], env: { OUT: folder } });
    try {
        await until(() => /listening on (\S+)"/.test(child.text()));
        server.close();
        const [, url] = /listening on (\S+)"/.exec(child.text());
        await upload(url, "iris");
        await finished(url, (await submit(url, SMALL)).id);
        await until(() => access(file("list")).then(() => true, () => false));
    } finally {
        child.kill("SIGTERM");
        await once(child, "close");
    }
    const open = (await readFile(file("list"), "utf8")).matchAll(/ (\d+) -> (.*)$/gm);
    const given = [...open].filter(([, , target]) => !/^\/proc\/\d+\/fd$/.test(target)); /* ls's own */
    assert.deepEqual(given.map(([, fd]) => fd), ["0", "1", "2"]);
    assert.equal(given[0][2], "/dev/null");
});

/* ---- at rest ---- */

/* Hundredths of a second that the process has run for, all its threads together. */
async function ticks(pid) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
    return user + system;
}

test("a daemon without work takes no processor time, whoever watches it", async () => {
    const daemon = await startDaemon({ args: ["--threads", "4"] });
    const leave = new AbortController();
    try {
        await upload(daemon.url, "iris");
        const { id } = await submit(daemon.url, SMALL);
        await finished(daemon.url, id);
        const paused = await submit(daemon.url, { ...SMALL, seed: 2, start: false });
        const { signal } = leave;
        for (const route of ["events", `experiments/${paused.id}/events`, `experiments/${paused.id}/watch`])
            await fetch(`${daemon.url}/api/v1/${route}`, { signal });
        fetch(`${daemon.url}/api/v1/experiments/${paused.id}?wait=60`, { signal }).catch(() => {});
        const used = []; /* in 2 s each; what was begun before may need one of them */
        while (used.length < 5 && !(used.at(-1) <= 10)) {
            const before = await ticks(daemon.pid);
            await new Promise((resolve) => setTimeout(resolve, 2000));
            used.push(await ticks(daemon.pid) - before);
        }
        assert.ok(used.at(-1) <= 10, `${used}`);
    } finally {
        leave.abort();
        await daemon.stop();
    }
});

/* ---- sockets ---- */

/* A request over a socket in the file system. */
function ask(socketPath, target, headers = {}) {
    const options = { socketPath, path: target, headers };
    return new Promise((resolve, reject) => http.get(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        answer.on("end", () => resolve({ status: answer.statusCode, text }));
    }).on("error", reject));
}

test("a unix socket has mode 0660, takes any Host, and replaces one that a dead daemon left",
     async () => {
    const socket = file("s.sock");
    const args = ["--listen", `unix:${socket}`];
    const first = await startDaemon({ args });
    assert.equal(first.url, `unix:${socket}`);
    assert.equal((await stat(socket)).mode & 0o777, 0o660);
    assert.equal((await ask(socket, "/healthz", { Host: "search.example.org" })).text, "ok\n");
    await assert.rejects(startDaemon({ args }), /could not listen on .*s.sock/);
    assert.equal((await ask(socket, "/healthz")).status, 200, "the first goes on");
    await first.kill9();
    assert.ok((await stat(socket)).isSocket());

    const second = await startDaemon({ args });
    assert.equal((await ask(socket, "/healthz")).status, 200);
    await second.stop();
    await assert.rejects(access(socket), /ENOENT/);
});

/* As systemd hands over a socket: descriptor 3, and the process number in the environment. */
function activate(server, args, { more = [], env = {} } = {}) {
    const child = spawn("sh", ["-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', BINARY, ...args],
                        { env: { ...process.env, ...env },
                          stdio: ["ignore", "ignore", "pipe", server._handle, ...more] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    child.text = () => text;
    return child;
}

test("a socket that the service manager opened is served, if it is loopback", async () => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    const child = activate(server, ["--db", file("activated.db")]);
    await until(() => child.text().includes(`listening on http://127.0.0.1:${port}`));
    server.close(); /* ours; the child has its own */
    assert.equal(await fetch(`http://127.0.0.1:${port}/healthz`).then((r) => r.text()), "ok\n");
    child.kill("SIGTERM");
    assert.equal((await once(child, "close"))[0], 0);

    const open = net.createServer();
    open.listen(0, "0.0.0.0");
    await once(open, "listening");
    const refused = activate(open, ["--db", file("activated.db")]);
    assert.equal((await once(refused, "close"))[0], 1);
    open.close();
    assert.match(refused.text(), /not a loopback address: that needs tokens/);
});

/* A connection on which a request was answered, or null where it was closed instead. */
function connect(port, localAddress) {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress });
    socket.on("error", () => {}); /* reset, where our bytes came before the end: it closes */
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return new Promise((resolve) => {
        socket.on("data", () => resolve(socket));
        socket.on("close", () => resolve(null));
    });
}

test("where others are served one address has half of all connections, on loopback it may have all",
     async () => {
    const token = await write("public.tokens", `ann read swd_${"0".repeat(43)}\n`);
    await chmod(token, 0o600);
    for (const [args, limit] of [[["--listen", "0.0.0.0:0", "--token-file", token], 512], [[], 600]]) {
        const daemon = await startDaemon({ args });
        const { port } = new URL(daemon.url);
        const open = [];
        try {
            while (open.length < limit)
                open.push(await connect(port));
            assert.ok(open.every((socket) => socket));
            if (limit === 512)
                assert.equal(await connect(port), null);
            open.push(await connect(port, "127.0.0.2"));
            assert.ok(open.at(-1), "another address has its own");
        } finally {
            open.forEach((socket) => socket?.destroy());
            await daemon.stop();
        }
    }
});

/* ---- behind a proxy ---- */

test("behind a base path every link, Location and next leads through the proxy", async () => {
    const daemon = await startDaemon({ args: ["--base-path", "/tools/sweepd"] });
    const base = `${daemon.url}/tools/sweepd`;
    assert.equal(await fetch(`${base}/healthz`).then((r) => r.text()), "ok\n");
    for (const page of ["", "docs"]) {
        const text = await fetch(`${base}/${page}`).then((r) => r.text());
        for (const [, link] of text.matchAll(/(?:href|src)="([^"#]+)/g))
            assert.equal((await fetch(new URL(link, `${base}/${page}`))).status, 200, link);
    }
    const { servers } = await fetch(`${base}/openapi.json`).then((r) => r.json());
    assert.equal(servers[0].url, "/tools/sweepd");

    const table = await readFile(new URL("../data/iris.csv", import.meta.url));
    for (const name of ["a", "b"]) {
        const put = await fetch(`${base}/api/v1/datasets?name=${name}`,
                                { method: "POST", body: table });
        assert.match(put.headers.get("Location"), /^\/tools\/sweepd\/api\/v1\/datasets\/\d+$/);
    }
    const post = () => fetch(`${base}/api/v1/experiments`,
        { method: "POST", body: JSON.stringify({ ...SMALL, dataset: "a" }),
          headers: { "Content-Type": "application/json", "Idempotency-Key": "once" } });
    const made = await post();
    const { links, id } = await made.json();
    for (const answer of [made, await post()])
        assert.equal(answer.headers.get("Location"), `/tools/sweepd/api/v1/experiments/${id}`);
    for (const link of Object.values(links).filter((l) => !/\/(watch|events)$/.test(l)))
        assert.notEqual((await fetch(new URL(link, daemon.url))).status, 404, link);
    assert.ok(Object.values(links).every((l) => l.startsWith("/tools/sweepd/")));
    /* A proxy may also take the path off. */
    for (const url of [base, daemon.url]) {
        const { next } = await fetch(`${url}/api/v1/datasets?limit=1`).then((r) => r.json());
        assert.match(next, /^\/tools\/sweepd\/api\/v1\/datasets\?/);
        assert.equal((await fetch(new URL(next, daemon.url)).then((r) => r.json())).items[0].name,
                     "b");
    }
    assert.equal((await fetch(`${daemon.url}/tools/other/healthz`)).status, 404);
    await daemon.stop();
});

/* ---- room on the disk ---- */

test("without room on the disk uploads and submissions get 507 in words", async () => {
    const daemon = await startDaemon();
    await upload(daemon.url, "iris");
    await daemon.stop();
    const full = await startDaemon({ args: ["--min-free-bytes", "4000T"] });
    const table = await readFile(new URL("../data/iris.csv", import.meta.url));
    const put = await api(full.url, "/datasets?name=x", { method: "POST", body: table });
    assert.equal(put.status, 507);
    assert.match(put.json.detail, /file system has \d+ bytes free, and --min-free-bytes keeps/);
    await full.stop();
});

test("a search that fills the database rests, says so, and goes on once it may", async () => {
    const config = await write("room.conf", "max-db-bytes = 0\n");
    const daemon = await startDaemon({ args: ["--config", config, "--threads", "1"] });
    const renew = async (text) => {
        await writeFile(config, text);
        process.kill(daemon.pid, "SIGHUP");
        await until(() => daemon.stderr().includes("changed: max-db-bytes"));
    };
    await upload(daemon.url, "iris");
    const limit = (await api(daemon.url, "")).json.database.database_bytes + (40 << 10);
    await renew(`max-db-bytes = ${limit}\n`);
    const made = await submit(daemon.url, { dataset: "iris", sampler: "random", seed: 1,
        space: { width: { min: 4, max: 64 }, learning_rate: { min: 1e-4, max: 0.1 }, epochs: 40 },
        budget: { trials: 20000 } });
    await until(() => daemon.stderr().includes("no fold is begun: the database holds"));
    const { database } = (await api(daemon.url, "")).json;
    assert.ok(database.database_bytes >= limit);
    const again = await api(daemon.url, "/experiments", { json: { ...SMALL, dataset: "iris" } });
    assert.equal(again.status, 507);
    assert.match(again.json.detail, /--max-db-bytes allows \d+/);
    assert.match(await fetch(`${daemon.url}/readyz`).then((r) => r.text()), /degraded/);

    await renew("max-db-bytes = 0\n");
    await until(() => daemon.stderr().includes("there is room again"));
    const done = async () =>
        (await api(daemon.url, `/experiments/${made.id}`)).json.progress.folds_done;
    const before = await done();
    await until(async () => await done() > before);
    await daemon.stop();
});

/* The second trial's networks take 200 MiB and more. */
const WIDE = { dataset: "iris", sampler: "grid", cross_validation: { folds: 2 },
               space: { layers: 2, width: [2, 4000], epochs: 1 } };

test("a search that lacks memory is paused in words, and goes on when there is some", async (t) => {
    const daemon = await startDaemon({ args: ["--threads", "1"] });
    try {
        await upload(daemon.url, "iris");
        const [, kib] = /VmSize:\s+(\d+)/.exec(await readFile(`/proc/${daemon.pid}/status`, "utf8"));
        if (kib > 2 ** 30)
            return t.skip("a sanitizer holds the address space");
        const allow = (bytes) => once(spawn("prlimit", ["--pid", daemon.pid, `--as=${bytes}:`]), "close");
        await allow(kib * 1024 + 100 * 2 ** 20);
        const { id } = await submit(daemon.url, WIDE);
        const get = async () => (await api(daemon.url, `/experiments/${id}`)).json;
        await until(async () => ["paused", "failed", "completed"].includes((await get()).state));
        const paused = await get();
        assert.equal(paused.state, "paused");
        assert.match(paused.error, /a fold of trial 2: .*memory/);
        const trials = async () => (await api(daemon.url, `/experiments/${id}/trials?sort=trial`)).json.items;
        assert.deepEqual((await trials()).map((x) => x.folds_done), [2, 0]);
        assert.notEqual((await trials())[1].state, "failed");

        await allow("unlimited");
        const resumed = await api(daemon.url, `/experiments/${id}/resume`, { method: "POST" });
        assert.deepEqual([resumed.status, resumed.json.error], [202, null], resumed.text);
        const done = await finished(daemon.url, id);
        assert.equal(done.state, "completed");
        assert.deepEqual((await trials()).map((x) => x.state), ["completed", "completed"]);
    } finally {
        await daemon.stop();
    }
});
