/*
 * The Franke function on a quasi-random set of points of its square, as CSV: no noise, so that what
 * is left of the error is the network's. The square is written as [-6, 6] x [-6, 6] and not scaled
 * again: so the sigmoids of he_normal weights are about as wide as the function's hills.
 *
 *     node franke.mjs > franke.csv
 *
 * Source  Franke 1979, "A critical comparison of some methods for interpolation of scattered data"
 *         Halton 1960 (the points: radical inverses in base 2 and 3)
 */

import { pathToFileURL } from "node:url";

const POINTS = 2000, HALF = 6;

/* On the unit square. */
export function franke(x, y) {
    const u = 9 * x, v = 9 * y;
    return 0.75 * Math.exp(-((u - 2) ** 2 + (v - 2) ** 2) / 4) +
           0.75 * Math.exp(-((u + 1) ** 2) / 49 - (v + 1) / 10) +
           0.5 * Math.exp(-((u - 7) ** 2 + (v - 3) ** 2) / 4) -
           0.2 * Math.exp(-((u - 4) ** 2) - (v - 7) ** 2);
}

function radicalInverse(i, base) {
    let sum = 0;
    for (let unit = 1 / base; i > 0; unit /= base, i = Math.floor(i / base))
        sum += unit * (i % base);
    return sum;
}

/* Twelve digits are more than float32 has. */
/* On the unit square. */
export function frankeTable(points = POINTS) {
    const lines = ["x,y,f"];
    for (let i = 1; i <= points; i++) {
        const x = radicalInverse(i, 2), y = radicalInverse(i, 3);
        const row = [HALF * (2 * x - 1), HALF * (2 * y - 1), franke(x, y)];
        lines.push(row.map((value) => value.toFixed(12)).join(","));
    }
    return lines.join("\n") + "\n";
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
    process.stdout.write(frankeTable());
