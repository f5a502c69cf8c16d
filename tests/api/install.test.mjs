/* What is installed beside the binary agrees with it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, appendFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { sweepd } from "../lib/daemon.mjs";

const run = promisify(execFile);
const TOP = fileURLToPath(new URL("../..", import.meta.url));
const FILES = path.join(TOP, "server/install");
const BUILD = path.dirname(path.resolve(process.env.SWEEPD ?? "build/sweepd"));

let folder;
let words; /* every option that some command has */
before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "sweepd-install-"));
    const helps = await Promise.all([[], ["run"], ["restore"], ["token"]].map((c) => sweepd([...c, "--help"])));
    words = new Set(["force", ...helps.flatMap((h) =>
        [...h.stdout.matchAll(/--([a-z][a-z_-]+)/g)].map((m) => m[1].replaceAll("_", "-")))]);
});
after(async () => { await rm(folder, { recursive: true, force: true }); });

const text = (name) => readFile(path.join(FILES, name), "utf8");
const names = (found) => new Set([...found].map((m) => m[1]));

test("the man page has every option and no other, and no fault", async () => {
    const page = await text("sweepd.1");
    assert.deepEqual([...names(page.matchAll(/(?:\.It Fl|Fl|,) -([a-z][a-z-]+)/g))].sort(),
                     [...words].sort());
    const { stdout } = await run("mandoc", ["-T", "lint", "-W", "warning",
                                            path.join(FILES, "sweepd.1")]);
    assert.equal(stdout, "");
});

test("the configuration that is installed names every option and passes the check", async () => {
    const config = await text("sweepd.conf");
    const { stdout } = await sweepd(["--help"]);
    const options = names(stdout.matchAll(/^  --([a-z-]+) \S+$/gm));
    options.delete("config");
    assert.deepEqual([...names(config.matchAll(/^#([a-z-]+) = /gm))].sort(), [...options].sort());
    const { status, stderr } = await sweepd(["--check-config", "--config",
                                             path.join(FILES, "sweepd.conf")]);
    assert.equal(status, 0, stderr);
});

/* What bash offers after these words, the last of them unfinished. */
async function offered(...typed) {
    const line = ["sweepd", ...typed];
    const { stdout } = await run("bash", ["-c", `
        source "$0"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _sweepd
        printf '%s\\n' "\${COMPREPLY[@]}"`, path.join(FILES, "sweepd.bash"), ...line], { cwd: TOP });
    return stdout.split("\n").filter((s) => s !== "");
}

test("the service may open what its connections need: each a socket and an upload of four files", async () => {
    const config = await readFile(path.join(TOP, "server/config.h"), "utf8");
    const connections = Number(/LIMIT_CONNECTIONS = (\d+)/.exec(config)[1]);
    const allowed = Number(/^LimitNOFILE=(\d+)$/m.exec(await text("sweepd.service.in"))?.[1]);
    assert.ok(allowed > 5 * connections + 1000, `${allowed} for ${connections} connections`);
});

test("bash completes commands, options, words and files", async () => {
    assert.deepEqual(await offered("re"), ["restore"]);
    assert.deepEqual(await offered("--log-level", "d"), ["debug"]);
    assert.deepEqual(await offered("restore", "--fo"), ["--force"]);
    assert.ok((await offered("run", "README")).includes("README.md"));
    assert.ok((await offered("run", "x.json", "--data", "READ")).includes("README.md"));
    assert.ok(!(await offered("backup", "--")).includes("--threads"));
    const all = (await Promise.all([[""], ["run", "--"], ["restore", "--"], ["token", "--"]]
        .map((typed) => offered(...typed)))).flat();
    const seen = all.filter((word) => word.startsWith("--")).map((word) => word.slice(2));
    assert.deepEqual([...new Set(seen)].sort(), [...words].sort());
});

const make = (target, ...more) =>
    run("make", ["-o", `${BUILD}/sweepd`, target, `BUILD=${BUILD}`, `DESTDIR=${folder}/root`,
                 ...more], { cwd: TOP });

async function installed() {
    const root = path.join(folder, "root");
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((e) => e.isFile())
        .map((e) => path.relative(root, path.join(e.path ?? e.parentPath, e.name))).sort();
}

test("make install respects DESTDIR and prefix, and make uninstall takes it back", async () => {
    await make("install", "prefix=/opt/sweepd");
    const files = await installed();
    for (const name of ["bin/sweepd", "share/man/man1/sweepd.1", "lib/systemd/system/sweepd.service",
                        "share/bash-completion/completions/sweepd", "etc/sweepd/sweepd.conf"])
        assert.ok(files.includes(`opt/sweepd/${name}`), `${name} in ${files}`);
    const unit = await readFile(
        path.join(folder, "root/opt/sweepd/lib/systemd/system/sweepd.service"), "utf8");
    assert.match(unit, /ExecStart=\/opt\/sweepd\/bin\/sweepd .*--config \/opt\/sweepd\/etc\/sweepd/);

    const config = path.join(folder, "root/opt/sweepd/etc/sweepd/sweepd.conf");
    await appendFile(config, "threads = 1\n");
    await make("install", "prefix=/opt/sweepd");
    assert.match(await readFile(config, "utf8"), /^threads = 1$/m, "a changed one is kept");
    await make("uninstall", "prefix=/opt/sweepd");
    assert.deepEqual(await installed(), ["opt/sweepd/etc/sweepd/sweepd.conf"]);

    await make("install", "prefix=/usr");
    await access(path.join(folder, "root/etc/sweepd/sweepd.conf"));
});
