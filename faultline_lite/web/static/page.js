// What every page does: times in the visitor's zone, links of faultline's old pages.
import { localise, keepFresh } from "./times.js";
import { followOldLink } from "./old-links.js";

followOldLink();
localise(document);
keepFresh();
// What htmx or the live tail puts into the page.
document.addEventListener("htmx:load", (event) => localise(event.target));
