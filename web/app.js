/*
 * The page: an address after the # chooses a view. A view is an async function
 * (main, signal, ...parameters) that fills main and keeps it up to date until the signal aborts.
 */

import { Problem } from "./api.js";
import { showDatasets, showDataset } from "./datasets.js";
import { showExperiment } from "./experiment.js";
import { showExperiments } from "./experiments.js";
import { h } from "./dom.js";
import { fault, loading } from "./parts.js";
import { isStranger, showLogin, showWho } from "./session.js";
import { showTrial } from "./trial.js";

const ROUTES = [
    { path: /^$/, page: "experiments", title: () => "Experiments", view: showExperiments },
    { path: /^experiments\/(\d+|latest)$/, page: "experiments",
      title: (id) => `Experiment ${id}`, view: showExperiment },
    { path: /^experiments\/(\d+|latest)\/trials\/(\d+)$/, page: "experiments",
      title: (id, n) => `Trial ${n} of experiment ${id}`, view: showTrial },
    { path: /^datasets$/, page: "datasets", title: () => "Data sets", view: showDatasets },
    { path: /^datasets\/([A-Za-z0-9_.-]+)$/, page: "datasets",
      title: (id) => `Data set ${id}`, view: showDataset },
];

const main = document.getElementById("main");
let leaving = new AbortController();

function find(hash) {
    const path = hash.replace(/^#?\/?/, "").replace(/\/$/, "");
    for (const route of ROUTES) {
        const match = route.path.exec(path);
        if (match)
            return { route, parameters: match.slice(1) };
    }
    return null;
}

function mark(page) {
    for (const link of document.querySelectorAll("nav a"))
        if (link.dataset.page === page)
            link.setAttribute("aria-current", "page");
        else
            link.removeAttribute("aria-current");
}

async function show() {
    const found = find(location.hash);
    leaving.abort();
    leaving = new AbortController();
    const { signal } = leaving;

    mark(found?.route.page);
    if (found === null) {
        document.title = "sweepd";
        main.replaceChildren(fault(new Problem({ title: "There is no such page",
                                                 detail: `nothing is shown at "${location.hash}"` })));
        return;
    }
    document.title = `${found.route.title(...found.parameters)} · sweepd`;
    main.replaceChildren(h("h1", { class: "hidden" }, found.route.title(...found.parameters)),
                         loading());
    try {
        await showWho(signal, show);
        await found.route.view(main, signal, ...found.parameters);
    } catch (error) {
        if (signal.aborted)
            return;
        if (isStranger(error)) {
            showLogin(main, show);
            return;
        }
        main.replaceChildren(fault(error));
        if (!(error instanceof Problem))
            throw error;
    }
}

document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); /* the address after the # is ours */
    main.focus();
});
window.addEventListener("hashchange", () => {
    show();
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
});
show();
