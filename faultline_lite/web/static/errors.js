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
  const count = waiting.size;
  button.hidden = count === 0;
  button.textContent = count === 1 ? button.dataset.one : button.dataset.many.replace("{count}", count);
}

function settle() {
  if (!list().querySelector("table.errors") && waiting.size) {
    // The list was empty: it is made anew, with its heads and buttons.
    location.reload();
    return;
  }
  for (const row of waiting.values()) {
    place(row);
    row.classList.add("arrived");
  }
  waiting = new Map();
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
  const shown = [...rows().children].map((row) => row.id.slice("error-".length));
  const ids = changes.all ? shown : changes.errors;
  // On a later page nothing new appears, but what is there stays true.
  const onFirstPage = !new URLSearchParams(location.search).has("cursor");
  const wanted = onFirstPage ? ids : ids.filter((id) => shown.includes(String(id)));
  if (changes.all && onFirstPage && shown.length === 0) location.reload();
  if (wanted.length === 0) return;
  const query = new URLSearchParams(location.search);
  for (const id of wanted.slice(0, 200)) query.append("id", id);
  const answer = await fetch(`${form.dataset.rows}?${query}`, { headers: { "HX-Request": "true" } });
  if (answer.status === 403) location.reload();
  if (!answer.ok || form !== list()) return;
  const table = document.createElement("table");
  // Rows of ours, escaped by the server.
  table.innerHTML = await answer.text();
  const fresh = [...table.querySelectorAll("tr")];
  for (const row of fresh) {
    row.dispatchEvent(new CustomEvent("page:changed"));
    take(row);
  }
  document.dispatchEvent(new CustomEvent("page:changed"));
  if (isBeingRead()) showWaiting();
  else settle();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-fresh]")) {
    settle();
    list().scrollIntoView({ block: "nearest" });
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
  showSelection();
});

follow(list(), refresh);
showSelection();
