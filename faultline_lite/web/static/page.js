// What every page does: times in the visitor's zone, copying, links of faultline's old pages.
import { copyOnClick, showCopyButtons } from "./copy.js";
import { followOldLink } from "./old-links.js";
import { keepFresh, localise } from "./times.js";

document.documentElement.classList.add("scripted");
followOldLink();
localise(document);
keepFresh();
showCopyButtons(document);
copyOnClick();

// Whatever is put into a page later, by htmx or by the live tail.
document.addEventListener("page:changed", (event) => {
  localise(event.target);
  showCopyButtons(event.target);
});
document.addEventListener("htmx:load", (event) => {
  event.target.dispatchEvent(new CustomEvent("page:changed", { bubbles: true }));
});
