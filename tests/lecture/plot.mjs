/*
 * A line plot with a logarithmic y axis, as SVG. Every line has its label at its right end, so that
 * no legend has to be read against colours.
 */

const WIDTH = 720, HEIGHT = 420;
const LEFT = 64, RIGHT = 190, TOP = 40, BOTTOM = 48;
const GAP = 16; /* between labels */
const COLOURS = ["#5d6770", "#a86c00", "#2c6e49", "#7a4fa3", "#0f5f73", "#a5322c"];

const round = (x) => Number(x.toFixed(1));

/* Labels pushed down until none touches the one above it; the last ones up again if need be. */
function spread(wanted) {
    const y = wanted.slice();
    const order = y.map((_, i) => i).sort((a, b) => y[a] - y[b]);
    for (let k = 1; k < order.length; k++)
        y[order[k]] = Math.max(y[order[k]], y[order[k - 1]] + GAP);
    let floor = HEIGHT - BOTTOM;
    for (const i of order.reverse()) {
        y[i] = Math.min(y[i], floor);
        floor = y[i] - GAP;
    }
    return y;
}

/** lines: [{label, values}], values[i] at x = i + 1, all positive. */
export function plot({ title, xLabel, yLabel, lines }) {
    const values = lines.flatMap((line) => line.values);
    const n = Math.max(...lines.map((line) => line.values.length));
    const low = Math.floor(Math.log10(Math.min(...values)));
    const high = Math.ceil(Math.log10(Math.max(...values)));
    const x = (i) => LEFT + ((WIDTH - LEFT - RIGHT) * (i - 1)) / (n - 1);
    const y = (v) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - Math.log10(v))) / (high - low);
    const out = [];
    const text = (px, py, anchor, body, more = "") =>
        out.push(`<text x="${round(px)}" y="${round(py)}" text-anchor="${anchor}"${more}>${body}</text>`);

    for (let e = low; e <= high; e++) {
        const py = round(y(10 ** e));
        out.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py}" y2="${py}" stroke="#dcd9d1"/>`);
        text(LEFT - 8, py + 4, "end", `10<tspan dy="-5" font-size="9">${e}</tspan>`);
    }
    for (let i = 0; i <= n; i += n / 5)
        text(x(Math.max(1, i)), HEIGHT - BOTTOM + 18, "middle", Math.max(1, i));
    text(LEFT, 22, "start", title, ' font-size="14" font-weight="600"');
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "middle", xLabel);
    out.push(`<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" ` +
             `text-anchor="middle">${yLabel}</text>`);

    const at = spread(lines.map((line) => y(line.values.at(-1))));
    for (const [k, line] of lines.entries()) {
        const points = line.values.map((v, i) => `${round(x(i + 1))},${round(y(v))}`).join(" ");
        const colour = COLOURS[k % COLOURS.length];
        out.push(`<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.8"/>`);
        text(WIDTH - RIGHT + 10, at[k] + 4, "start", line.label, ` fill="${colour}"`);
    }
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
           `font-family="system-ui, sans-serif" font-size="12" fill="#1c2126">\n` +
           `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>\n${out.join("\n")}\n</svg>\n`;
}
