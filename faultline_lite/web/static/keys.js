// Keys. An element with data-key is pressed by that key, or focused where it is a field; in a list
// j and k go from row to row. Never while somebody types, and not at all where they are switched
// off (WCAG 2.1, success criterion 2.1.4).

const OFF = "faultline-keys-off";
const PLACE = "faultline-row";
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

const help = document.getElementById("keyboard");
const rows = () => [...document.querySelectorAll("main .rows tbody tr")].filter((row) => row.querySelector("a"));
const linkOf = (row) => row.querySelector("th a, .message") ?? row.querySelector("a");
const currentRow = () => document.activeElement.closest(".rows tbody tr");

const isOff = () => localStorage.getItem(OFF) !== null;

function focusRow(row) {
  linkOf(row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  if (all.length === 0) return;
  const place = all.indexOf(currentRow());
  focusRow(all[place === -1 ? 0 : Math.min(Math.max(place + by, 0), all.length - 1)]);
}

// What is done to the selected is done to the row that has the focus where none is selected.
function select(button) {
  const ticks = [...button.form.querySelectorAll("tbody input[type=checkbox]")];
  if (ticks.some((tick) => tick.checked)) return true;
  const tick = currentRow()?.querySelector("input[type=checkbox]");
  if (!tick) return false;
  // The page comes again after it: then the same place is gone on from.
  sessionStorage.setItem(PLACE, JSON.stringify([location.pathname, rows().indexOf(currentRow())]));
  tick.checked = true;
  tick.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function returnToRow() {
  const [path, place] = JSON.parse(sessionStorage.getItem(PLACE) ?? "[null]");
  sessionStorage.removeItem(PLACE);
  const all = rows();
  if (path === location.pathname && all.length > 0) focusRow(all[Math.min(place, all.length - 1)]);
}

function tickRow() {
  currentRow()?.querySelector("input[type=checkbox]")?.click();
}

function press(element) {
  if (element.matches(FIELDS)) {
    element.focus();
    element.select?.();
    return;
  }
  if (element.matches("[data-needs-selection]") && !select(element)) return;
  element.click();
  if (element.matches("summary")) element.parentElement.querySelector("button, input:not([type=hidden])")?.focus();
}

// Out of the search, so that other keys work again; what is searched for stays.
function leave(event) {
  event.preventDefault();
  event.target.blur();
}

function showHelp() {
  help.showModal();
}

const ACTIONS = { j: () => step(1), k: () => step(-1), x: tickRow, "?": showHelp };

function find(key) {
  return [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (event.target.closest(FIELDS)) {
    if (event.key === "Escape" && event.target.matches("[data-key]")) leave(event);
    return;
  }
  if (help.open || isOff()) return;
  const element = find(event.key);
  const action = element ? () => press(element) : ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

// For those who have shortcuts read to them.
export function describeKeys(root) {
  for (const element of root.querySelectorAll("[data-key]")) {
    element.setAttribute("aria-keyshortcuts", element.dataset.key);
  }
}

export function useKeys() {
  const toggle = help.querySelector("[data-keys-on]");
  toggle.checked = !isOff();
  toggle.addEventListener("change", () => {
    if (toggle.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
  const opener = document.querySelector("[data-show-keys]");
  opener.hidden = false;
  opener.addEventListener("click", showHelp);
  document.addEventListener("keydown", onKey);
  describeKeys(document);
  returnToRow();
}
