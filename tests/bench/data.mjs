/*
 * The two synthetic data sets, always the same, as NumPy arrays whose last column is the target.
 *
 *     housing     20640 x 8, a smooth function of the inputs with noise; the size of scikit-learn's
 *                 California housing
 *     mnistlike   60000 x 784 bytes, 10 classes, each a few blurred drawings on a noisy ground; the
 *                 size of MNIST
 */

import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";

const SIDE = 28, CLASSES = 10, DRAWINGS = 6, STROKES = 5;

/* Numbers in [0, 1) from a seed: mulberry32. */
function generator(seed) {
    return () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/* Mean 0, deviation 1, nearly normal; no function that machines may round differently. */
const normal = (random) => (random() + random() + random() + random() - 2) * Math.sqrt(3);

/* NumPy's format, version 1. */
function npy(kind, rows, columns, values) {
    const text = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
    const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
    const head = Buffer.alloc(10);
    head.write("\x93NUMPY\x01\x00", "latin1");
    head.writeUInt16LE(padded.length, 8);
    return Buffer.concat([head, Buffer.from(padded), Buffer.from(values.buffer)]);
}

function housing() {
    const rows = 20640, inputs = 8, random = generator(1);
    const values = new Float32Array(rows * (inputs + 1));
    for (let i = 0; i < rows; i++) {
        const row = values.subarray(i * (inputs + 1), (i + 1) * (inputs + 1));
        for (let j = 0; j < inputs; j++)
            row[j] = normal(random);
        const [a, b, c, d, e, f, g, h] = row;
        row[inputs] = a * b + c * Math.abs(d) + (e > 0 ? f : -f) / 2 + g * g / 2 + h +
                      0.7 * normal(random);
    }
    return npy("<f4", rows, inputs + 1, values);
}

/* A few round spots of ink, in [0, 1]. */
function drawing(random) {
    const ink = new Float32Array(SIDE * SIDE);
    for (let s = 0; s < STROKES; s++) {
        const x = 5 + 18 * random(), y = 5 + 18 * random(), size = 4 + 8 * random();
        for (let i = 0; i < ink.length; i++) {
            const dx = i % SIDE - x, dy = Math.floor(i / SIDE) - y;
            ink[i] = Math.max(ink[i], 1 - (dx * dx + dy * dy) / size);
        }
    }
    return ink;
}

function mnistlike() {
    const rows = 60000, random = generator(2);
    const drawings = Array.from({ length: CLASSES * DRAWINGS }, () => drawing(random));
    const values = new Uint8Array(rows * (SIDE * SIDE + 1));
    for (let i = 0; i < rows; i++) {
        const row = values.subarray(i * (SIDE * SIDE + 1), (i + 1) * (SIDE * SIDE + 1));
        const which = Math.floor(random() * drawings.length), ink = drawings[which];
        const shift = Math.floor(5 * random()) - 2 + SIDE * (Math.floor(5 * random()) - 2);
        for (let j = 0; j < SIDE * SIDE; j++) {
            const value = (ink[j + shift] ?? 0) * 0.6 + 1.2 * random() - 0.7;
            row[j] = Math.max(0, Math.min(255, 255 * value));
        }
        row[SIDE * SIDE] = which % CLASSES;
    }
    return npy("|u1", rows, SIDE * SIDE + 1, values);
}

const SYNTHETIC = { "housing.npy": housing, "mnistlike.npy": mnistlike };

/** The path of a workload's file: one of tests/data, or made once in the folder. */
export async function dataFile(name, folder) {
    if (!(name in SYNTHETIC))
        return new URL(`../data/${name}`, import.meta.url).pathname;
    const file = path.join(folder, name);
    if (!existsSync(file)) {
        await mkdir(folder, { recursive: true });
        await writeFile(`${file}.part`, SYNTHETIC[name]());
        await rename(`${file}.part`, file);
    }
    return file;
}
