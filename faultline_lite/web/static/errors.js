// The list of errors: selecting, and rows that come up to date by themselves.
import { follow } from "./stream.js";

const list = () => document.getElementById("errors");
const rows = () => document.getElementById("error-rows");

// Selecting.

function showSelection() {
  const form = list();
  const ticks = [...form.querySelectorAll("input[name=error]")];
  const count = ticks.filter((tick) => tick.checked).length;
  const all = form.querySelector("[data-select-all]");
  const label = form.querySelector(".selected-count");
  if (!all) return;
  all.hidden = false;
  all.checked = count > 0 && count === ticks.length;
  all.indeterminate = count > 0 && count < ticks.length;
  label.textContent = label.dataset.some.replace("{count}", count);
  form.querySelector(".selection").hidden = count === 0;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) {
    for (const tick of list().querySelectorAll("input[name=error]")) tick.checked = event.target.checked;
  }
  if (event.target.closest("#errors")) showSelection();
});

// The live tail. A row that has changed is brought up to date where it stands, which moves nothing
// that is being read. Rows change places at once where nobody would notice it by losing something:
// neither the pointer nor the focus is in the list, nothing is selected, and its top is in sight.
// Otherwise a button says how many would.

const ORDER = { lastUpdated: "updated", count: "count", firstSeen: "firstSeen" };
let waiting = new Map();
let outdated = false;

function isBeingRead() {
  const table = rows().closest("table");
  return (
    table.matches(":hover") ||
    table.contains(document.activeElement) ||
    list().querySelector("input[name=error]:checked") !== null ||
    table.getBoundingClientRect().top < 0
  );
}

const rank = (row) => Number(row.dataset[ORDER[list().dataset.sort]]);

function place(row) {
  const others = [...rows().children].filter((other) => other !== row);
  const next = others.find((other) => rank(other) < rank(row)) ?? null;
  if (row.nextElementSibling !== next || !row.isConnected) rows().insertBefore(row, next);
}

function showWaiting() {
  const button = list().querySelector("[data-show-fresh]");
  if (!button) return;
  const { one, many, unknown } = button.dataset;
  const count = waiting.size + rows().querySelectorAll("tr.gone").length;
  button.hidden = count === 0 && !outdated;
  button.textContent = outdated ? unknown : count === 1 ? one : many.replace("{count}", count);
}

// The list as it is now, where single rows cannot say it.
function renew() {
  htmx.ajax("GET", location.pathname + location.search, { target: "#errors", swap: "outerHTML" });
}

function settle() {
  // A list that was empty has no heads and no buttons.
  if (outdated || (waiting.size && !list().querySelector("table.errors"))) {
    renew();
    return;
  }
  for (const row of waiting.values()) {
    place(row);
    row.classList.add("arrived");
  }
  for (const row of rows().querySelectorAll("tr.gone")) row.remove();
  waiting = new Map();
  document.dispatchEvent(new CustomEvent("page:changed"));
  showWaiting();
  showSelection();
}

// Puts the row into its place of before, or among those that wait for one.
function take(fresh) {
  const stale = document.getElementById(fresh.id);
  if (stale) {
    if (stale.dataset.count === fresh.dataset.count && stale.dataset.updated === fresh.dataset.updated) return;
    const tick = stale.querySelector("input[name=error]");
    fresh.querySelector("input[name=error]").checked = tick.checked;
    const focused = stale.contains(document.activeElement) ? document.activeElement.id || "tick" : "";
    stale.replaceWith(fresh);
    if (focused) (document.getElementById(focused) ?? fresh.querySelector("input")).focus();
    const before = fresh.previousElementSibling;
    if (!before || rank(before) >= rank(fresh)) {
      fresh.classList.add("arrived");
      return;
    }
  }
  waiting.set(fresh.id, fresh);
}

async function refresh(changes) {
  const form = list();
  // On a later page nothing new appears, but what is there stays true.
  const onFirstPage = !new URLSearchParams(location.search).has("cursor");
  const shown = [...rows().children].map((row) => row.id.slice("error-".length));
  if (changes.all) {
    outdated = true;
  } else {
    const ids = changes.errors.map(String).filter((id) => onFirstPage || shown.includes(id));
    if (ids.length === 0) return;
    const fresh = await fetchRows(form, ids);
    // A search may have put another list in the place of this one.
    if (fresh === null || form !== list()) return;
    fresh.forEach(take);
    const passing = new Set(fresh.map((row) => row.id));
    for (const id of ids) {
      // It has been resolved, muted or deleted elsewhere.
      if (!passing.has(`error-${id}`)) document.getElementById(`error-${id}`)?.classList.add("gone");
    }
    document.dispatchEvent(new CustomEvent("page:changed"));
  }
  if (isBeingRead()) showWaiting();
  else settle();
}

async function fetchRows(form, ids) {
  const query = new URLSearchParams(location.search);
  for (const id of ids) query.append("id", id);
  const answer = await fetch(`${form.dataset.rows}?${query}`, { headers: { "HX-Request": "true" } });
  if (answer.status === 403) location.reload();
  if (!answer.ok) return null;
  const table = document.createElement("table");
  // Rows of ours, escaped by the server.
  table.innerHTML = await answer.text();
  return [...table.querySelectorAll("tr")];
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-fresh]")) {
    settle();
    if (list().getBoundingClientRect().top < 0) list().scrollIntoView();
  }
});

// Addresses without what asks for nothing.
document.addEventListener("htmx:configRequest", (event) => {
  const { parameters } = event.detail;
  for (const [name, value] of Object.entries(parameters)) {
    if (value === "" || (name === "sort" && value === "lastUpdated")) delete parameters[name];
  }
});

document.addEventListener("htmx:afterSwap", () => {
  waiting = new Map();
  outdated = false;
  showSelection();
});

follow(list(), refresh);
showSelection();
