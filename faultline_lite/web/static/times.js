// Times: the server writes them in UTC, here they become the visitor's own.

const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// Older than that a date tells more.
const MONTH = 30 * DAY;

export function relative(moment, now) {
  const past = moment - now;
  const distance = Math.abs(past);
  if (distance < MINUTE) return ago.format(Math.round(past / 1000), "second");
  if (distance < HOUR) return ago.format(Math.round(past / MINUTE), "minute");
  if (distance < DAY) return ago.format(Math.round(past / HOUR), "hour");
  if (distance < MONTH) return ago.format(Math.round(past / DAY), "day");
  return day.format(moment);
}

const STYLES = {
  full: (moment) => full.format(moment),
  clock: (moment) => clock.format(moment),
  relative,
};

export function localise(root) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const style = element.dataset.style ?? "full";
    const text = STYLES[style](moment, now);
    // The exact time in UTC is the server's; what the text leaves out of the visitor's is beside it.
    if (style !== "full" && !element.title.includes("\n")) element.title = `${full.format(moment)}\n${element.title}`;
    // Only what has changed, so that a selection of the visitor's stays.
    if (element.textContent !== text) element.textContent = text;
  }
}

export function keepFresh() {
  setInterval(() => {
    if (!document.hidden) localise(document);
  }, 20_000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) localise(document);
  });
}

// Fields of a time hold the visitor's in a page, and UTC on the way and where no script runs.
export function localiseFields() {
  for (const field of document.querySelectorAll("[data-local-time]")) {
    // What is not the server's the browser brought back: it is the visitor's already.
    if (Date.parse(field.value) !== Date.parse(field.defaultValue)) continue;
    const moment = new Date(`${field.defaultValue}Z`);
    const local = new Date(moment - moment.getTimezoneOffset() * MINUTE);
    field.value = local.toISOString().slice(0, field.defaultValue.length);
  }
  document.addEventListener("formdata", (event) => {
    for (const field of event.target.querySelectorAll("[data-local-time]")) {
      if (field.value) event.formData.set(field.name, new Date(field.value).toISOString().replace(".000Z", "Z"));
    }
  });
}
