// Pages that are small enough to be replaced as a whole, or left, when something changes.
import { fetchPage, follow } from "./stream.js";

async function replace(selector) {
  const page = await fetchPage(location.href);
  const fresh = page?.querySelector(selector);
  const stale = document.querySelector(selector);
  if (!fresh || !stale) return;
  const focused = stale.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  stale.replaceChildren(...fresh.childNodes);
  if (focused !== null) stale.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  stale.dispatchEvent(new CustomEvent("page:changed", { bubbles: true }));
}

for (const element of document.querySelectorAll("[data-live]")) {
  const { liveGoto, liveReplace } = element.dataset;
  if (liveGoto) follow(element, () => location.replace(liveGoto));
  if (liveReplace) follow(element, () => replace(liveReplace));
}
