/*
 * The list of experiments, and what to type when there is none.
 */

import { home, resource } from "./api.js";
import { h } from "./dom.js";
import { moment, plural, scoreWithSpread } from "./format.js";
import { keep, pauseFor } from "./live.js";
import { badge, bar, progressText, terminal } from "./parts.js";
import { curl } from "./session.js";

function firstSteps(datasets) {
    const upload = datasets.length > 0 ? [] : [
        h("p", {}, "Send a table with a header row; name the column to predict:"),
        terminal(`${curl()} -T iris.csv '${home}/api/v1/datasets/iris.csv?target=species'`),
    ];

    return h("section", { class: "first" },
        h("h2", {}, "Nothing has been searched yet"),
        upload,
        h("p", {}, "Start a search with the defaults, and watch it:"),
        terminal(
            `${curl()} -d '{"dataset": "${datasets[0]?.name ?? "iris"}"}' ${home}/api/v1/experiments`,
            `${curl()} -N ${home}/api/v1/experiments/latest/watch`),
        h("p", {}, "It appears here by itself."));
}

function best(experiment) {
    if (!experiment.best)
        return h("p", { class: "best none" }, "no score yet");
    return h("p", { class: "best" },
        h("span", { class: "figure" },
            scoreWithSpread(experiment.best.score, experiment.best.score_std)),
        ` ${experiment.metric}, `,
        h("a", { href: `#/experiments/${experiment.id}/trials/${experiment.best.trial}` },
            `trial ${experiment.best.trial}`));
}

function card(experiment) {
    return h("li", { class: "card", "data-experiment": experiment.id },
        h("div", { class: "line" },
            h("h2", {}, h("a", { href: `#/experiments/${experiment.id}` }, experiment.name)),
            badge(experiment.state)),
        h("p", { class: "facts" },
            `${experiment.id} · ${experiment.dataset?.name ?? "ask and tell"} · `,
            experiment.owner === null ? null : `${experiment.owner} · `,
            h("time", { datetime: experiment.created_at }, moment(experiment.created_at))),
        best(experiment),
        bar(experiment.progress, experiment.state),
        h("p", { class: "facts" }, progressText(experiment.progress, experiment.state)));
}

export async function showExperiments(main, signal) {
    const list = resource("/experiments?limit=100");
    const datasets = resource("/datasets?limit=1");
    let drawn = false;

    await keep(signal, async (isLive) => {
        const { data, changed } = await list(signal);
        const hint = data.items.length > 0 ? null : await datasets(signal);

        if (changed || hint?.changed || !drawn)
            main.replaceChildren(
                h("h1", {}, "Experiments"),
                hint ? firstSteps(hint.data.items) : h("ul", { class: "cards" }, data.items.map(card)),
                data.total > data.items.length ? h("p", { class: "note" },
                    `${data.items.length} of ${plural(data.total, "experiment")} are shown.`) : "");
        drawn = true;
        return hint || data.items.some((each) => pauseFor(each.state) === 1000)
            ? pauseFor("running", isLive && !hint) : pauseFor("completed", isLive);
    }, "/events");
}
