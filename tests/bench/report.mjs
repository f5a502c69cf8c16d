/* The tables of make bench, as Markdown. */

import { mean } from "./contestants.mjs";
import { dataMiB, usefulWork } from "./workloads.mjs";

const median = (x) => x.slice().sort((a, b) => a - b)[Math.floor(x.length / 2)];

function deviation(x) {
    const m = mean(x);
    return Math.sqrt(mean(x.map((v) => (v - m) ** 2)));
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;
const times = (ratio) => `${ratio.toFixed(ratio < 10 ? 1 : 0)}x`;

function table(rows) {
    const widths = rows[0].map((_, j) => Math.max(...rows.map((row) => row[j].length)));
    const line = (row) =>
        "| " + row.map((cell, j) => j ? cell.padStart(widths[j]) : cell.padEnd(widths[j])).join(" | ") +
        " |\n";
    const rule = "|" + widths.map((w, j) => j ? "-".repeat(w + 1) + ":" : "-".repeat(w + 2)).join("|") +
                 "|\n";
    return line(rows[0]) + rule + rows.slice(1).map(line).join("");
}

/* The median of one contestant's rounds. */
const seconds = (rounds, who, what = "seconds") => median(rounds.map((runs) => runs[who][what]));

function secondsTable({ workloads, rounds, peers }) {
    const torch = peers.filter((name) => name !== "scikit-learn");
    const head = ["seconds", "sweepd", "its own count", ...peers];
    const sklearn = peers.includes("scikit-learn");
    head.push(...(sklearn ? ["beside scikit-learn"] : []),
              ...(torch.length ? ["beside the best of PyTorch"] : []));
    return table([head, ...workloads.map((w, i) => {
        const ours = seconds(rounds[i], "sweepd"), row = [w.name, ours.toFixed(3),
            seconds(rounds[i], "sweepd", "elapsed").toFixed(3),
            ...peers.map((name) => seconds(rounds[i], name).toFixed(3))];
        if (sklearn)
            row.push(times(seconds(rounds[i], "scikit-learn") / ours));
        if (torch.length)
            row.push(times(Math.min(...torch.map((name) => seconds(rounds[i], name))) / ours));
        return row;
    })]);
}

/* A score differs where it is off by more than our own trainings scatter. */
function scoreTable({ workloads, rounds, peers }) {
    return table([["mean score", "sweepd", "± of its trials", ...peers], ...workloads.map((w, i) => {
        const ours = rounds[i][0].sweepd.scores, spread = deviation(ours);
        return [w.name, mean(ours).toFixed(4), spread.toFixed(4), ...peers.map((name) => {
            const score = mean(rounds[i].flatMap((runs) => runs[name].scores));
            return score.toFixed(4) + (Math.abs(score - mean(ours)) > spread ? " differs" : "");
        })];
    })]);
}

function engineTable({ workloads, rounds, service, peaks }) {
    const peak = peaks[service.kernel]?.all, narrow = service.kernel !== "avx2" && peaks.avx2?.all;
    const head = ["", "GFLOP", "GFLOP/s", "share of peak", "validation once", "with avx2",
                  "two threads", "service", "folds/s", "memory, MiB", "of it data", "upload, MiB"];
    return table([head, ...workloads.map((w, i) => {
        const { rows, folds, memoryMiB, uploadMiB } = rounds[i][0].sweepd, work = usefulWork(w, rows);
        const ours = seconds(rounds[i], "sweepd"), engine = seconds(rounds[i], "engine");
        const share = (gflop, who, of) =>
            of ? percent(gflop / seconds(rounds[i], who) / of) : "-";
        return [w.name, work.toFixed(1), (work / ours).toFixed(0), share(work, "sweepd", peak),
                share(usefulWork(w, rows, { once: true }), "sweepd", peak),
                narrow ? share(work, "avx2", narrow) : "-",
                times(seconds(rounds[i], "one") / ours), percent(ours / engine - 1),
                (folds / ours).toFixed(0), memoryMiB.toFixed(0), dataMiB(w, rows).toFixed(0),
                uploadMiB.toFixed(0)];
    })]);
}

export function report(all) {
    const { machine, date, service, peaks, versions, rounds, latencies } = all;
    const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
    const peak = Object.entries(peaks).map(([name, { one, all: both }]) =>
        `${name} ${one} GFLOP/s on one thread, ${both} on all`).join("; ");
    const { length } = latencies;
    return `${date}, ${machine}. sweepd ${service.version} with ${service.threads} threads, kernel ` +
           `${service.kernel}${list ? "; " + list : ""}. ` +
           `Peak: ${peak}. Medians of ${rounds[0].length} rounds.\n\n` +
           `${secondsTable(all)}\n${scoreTable(all)}\n${engineTable(all)}\n` +
           `GET of an experiment while all cores train: median ${median(latencies).toFixed(2)} ms, ` +
           `p99 ${latencies[Math.floor(0.99 * length)].toFixed(2)} ms (${length} requests).\n`;
}
