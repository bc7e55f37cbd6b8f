// The page of an error: its chart, its facets for the range of the chart, and its head, kept live.
import { Chart } from "./chart.js";
import { fetchPage, follow } from "./stream.js";

const head = () => document.getElementById("error-head");
const facets = document.getElementById("facets");
const chart = new Chart(document.getElementById("chart"), document.querySelector(".ranges"), showFacets);

// Facets count what the chart shows; without a zoom, everything.
function showFacets(range) {
  const path = facets.dataset.facets;
  const query = range === null ? "" : `${path.includes("?") ? "&" : "?"}start=${range.start}&end=${range.end}`;
  htmx.ajax("GET", path + query, { target: facets, swap: "innerHTML" });
}

// Only the head is replaced: what is read below stays.
async function refresh(changes) {
  const id = Number(head().dataset.error);
  if (!changes.all && !changes.errors.includes(id)) return;
  if (head().querySelector("details.menu[open]")) return;
  const page = await fetchPage(location.href);
  const fresh = page?.getElementById("error-head");
  if (!fresh) return;
  const more = fresh.dataset.count !== head().dataset.count;
  const focused = head().contains(document.activeElement);
  head().replaceWith(fresh);
  if (focused) fresh.querySelector("button")?.focus();
  fresh.dispatchEvent(new CustomEvent("page:changed", { bubbles: true }));
  if (!more) return;
  chart.refresh();
  const newer = document.querySelector("[data-newer]");
  if (newer) newer.hidden = false;
}

follow(head(), refresh);
