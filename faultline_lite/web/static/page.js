// What every page does: times in the visitor's zone, copying, keys, links of faultline's old pages.
import { copyOnClick, showCopyButtons } from "./copy.js";
import { describeKeys, useKeys } from "./keys.js";
import { followOldLink } from "./old-links.js";
import { keepFresh, localise, localiseFields } from "./times.js";

document.documentElement.classList.add("scripted");
followOldLink();
localise(document);
localiseFields();
keepFresh();
showCopyButtons(document);
copyOnClick();
useKeys();

// Whatever is put into a page later, by htmx or by the live tail.
document.addEventListener("page:changed", (event) => {
  localise(event.target);
  showCopyButtons(event.target);
  describeKeys(event.target);
});
document.addEventListener("htmx:load", (event) => {
  event.target.dispatchEvent(new CustomEvent("page:changed", { bubbles: true }));
});
