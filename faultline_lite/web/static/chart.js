// The time series of an error. A drag zooms in, and every range is asked of the server, so that
// the bars are as fine as the range allows.

const language = document.documentElement.lang;
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
const month = new Intl.DateTimeFormat(language, { year: "numeric", month: "short" });
const number = new Intl.NumberFormat(language);

const DAY = 86_400_000;
const MINUTE = 60_000;
const FIRST_RANGES = [["24h", DAY], ["7d", 7 * DAY], ["all", 30 * DAY]];
const MARK_SIGNS = { first: "●", regression: "↺", version: "⚑", notification: "✉" };
// Room that a sign takes, in CSS pixels, and rows of them before they begin above again.
const SIGN = 12;
const SIGN_ROWS = 6;
// Marks that are listed, beside the last notification of each channel.
const MAX_LISTED = 12;
// Height of the axis of time: its labels have one line, or two with the day.
const AXIS_HEIGHT = 32;
const AXIS_HEIGHT_WITH_DAY = 48;

// uPlot hears a mouse alone: a finger that is drawn over the chart becomes one.
function followFinger(over) {
  let start = null;
  const send = (type, { clientX, clientY }) =>
    over.dispatchEvent(new MouseEvent(type, { bubbles: true, view: window, clientX, clientY, movementX: 1 }));
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    start = event;
    send("mousedown", event);
  });
  over.addEventListener("pointermove", (event) => {
    if (start) send("mousemove", event);
  });
  over.addEventListener("pointerup", (event) => {
    if (start) send("mouseup", event);
    start = null;
  });
  // The finger scrolls the page: nothing is selected.
  over.addEventListener("pointercancel", () => {
    if (!start) return;
    send("mousemove", start);
    send("mouseup", start);
    start = null;
  });
}

export class Chart {
  // onRange is called with {start, end} in epoch milliseconds after a zoom, with null without one.
  constructor(figure, buttons, onRange) {
    this.figure = figure;
    this.buttons = buttons;
    this.onRange = onRange;
    this.plot = null;
    this.data = null;
    this.range = this.firstRange();
    this.zoom = null;
    buttons.hidden = false;
    buttons.addEventListener("click", (event) => this.choose(event.target));
    new ResizeObserver(() => this.resize()).observe(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.refresh();
  }

  // The shortest range that begins before the error does; all of an error of some weeks, of which
  // the next range would be empty for the most part.
  firstRange() {
    const age = Date.now() - Number(this.figure.dataset.first);
    return FIRST_RANGES.find(([, length]) => age < length)?.[0] ?? "30d";
  }

  choose(button) {
    if (button.matches("[data-zoom-out]")) this.show(null);
    else if (button.dataset.range) {
      this.range = button.dataset.range;
      this.show(null);
    }
  }

  show(zoom) {
    const before = this.zoom;
    this.zoom = zoom;
    this.refresh();
    if (before !== null || zoom !== null) this.onRange(zoom);
  }

  async refresh() {
    const { chart } = this.figure.dataset;
    const query = this.zoom
      ? `start=${this.zoom.start}&end=${this.zoom.end}`
      : `range=${this.range}`;
    const answer = await fetch(`${chart}${chart.includes("?") ? "&" : "?"}${query}`);
    if (!answer.ok) return;
    this.data = await answer.json();
    this.draw();
    this.describe();
    this.showButtons();
  }

  showButtons() {
    for (const button of this.buttons.querySelectorAll("[data-range]")) {
      button.setAttribute("aria-pressed", String(this.zoom === null && button.dataset.range === this.range));
    }
    this.buttons.querySelector("[data-zoom-out]").hidden = this.zoom === null;
  }

  // As small print is on the page, in CSS pixels; uPlot reads whole ones.
  textSize() {
    return Math.round(0.857 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
  }

  color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  size() {
    const place = this.figure.querySelector(".plot");
    const height = Number.parseFloat(getComputedStyle(place).minHeight);
    return { width: Math.max(200, place.clientWidth), height };
  }

  draw() {
    if (this.data === null) return;
    this.plot?.destroy();
    const { starts, counts, start, end } = this.data;
    const line = this.color("--line");
    const muted = this.color("--muted");
    const font = `${this.textSize()}px ${getComputedStyle(document.body).fontFamily}`;
    const options = {
      ...this.size(),
      // Half of a label has room beside the last tick.
      padding: [8, 2.6 * this.textSize(), 0, 0],
      legend: { show: false },
      cursor: { drag: { x: true, y: false, dist: 6 }, points: { show: false } },
      scales: { x: { time: true, range: [start / 1000, end / 1000] }, y: { range: (_, __, most) => [0, Math.max(1, most) * 1.12] } },
      axes: [
        { stroke: muted, font, space: 76, size: this.hasDayLabels() ? AXIS_HEIGHT : AXIS_HEIGHT_WITH_DAY, grid: { show: false }, ticks: { stroke: line }, values: (_, ticks) => this.labels(ticks) },
        { stroke: muted, font, size: 46, grid: { stroke: line, width: 1 }, ticks: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6, 1e7], values: (_, ticks) => ticks.map((tick) => number.format(tick)) },
      ],
      series: [
        {},
        { fill: this.color("--bars"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.82, 40], align: 1 }) },
      ],
      hooks: {
        draw: [(plot) => this.drawMarks(plot)],
        setSelect: [(plot) => this.select(plot)],
        setCursor: [(plot) => this.point(plot)],
      },
    };
    this.plot = new uPlot(options, [starts, counts], this.figure.querySelector(".plot"));
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.plot.over.append(this.tip);
    followFinger(this.plot.over);
  }

  // Whether a label is a day or a month; in shorter ranges it is a time.
  hasDayLabels() {
    return this.data.end - this.data.start > 4 * DAY;
  }

  labels(ticks) {
    const isLong = this.data.end - this.data.start > 400 * DAY;
    let shown = null;
    return ticks.map((tick) => {
      const at = new Date(tick * 1000);
      if (isLong) return month.format(at);
      if (this.hasDayLabels()) return day.format(at);
      // The day stands at its first tick.
      const label = day.format(at);
      const text = label === shown ? clock.format(at) : `${clock.format(at)}\n${label}`;
      shown = label;
      return text;
    });
  }

  drawMarks(plot) {
    const { ctx } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px sans-serif`;
    ctx.textAlign = "center";
    let last = { x: -Infinity, row: 0 };
    let notified = -Infinity;
    for (const mark of this.data.marks) {
      const x = plot.valToPos(mark.at / 1000, "x", true);
      const isNotification = mark.kind === "notification";
      // Where one follows the other, one sign is enough.
      if (isNotification && x - notified < SIGN * ratio) continue;
      if (isNotification) notified = x;
      // A sign that would lie on the one before goes below it.
      const row = x - last.x < SIGN * ratio ? (last.row + 1) % SIGN_ROWS : 0;
      last = { x, row };
      const color = this.color(mark.kind === "regression" ? "--bad" : mark.kind === "version" ? "--good" : mark.kind === "notification" ? "--focus" : "--muted");
      ctx.strokeStyle = color;
      ctx.fillStyle = color;
      ctx.fillText(MARK_SIGNS[mark.kind], x, plot.bbox.top + (9 + row * SIGN) * ratio);
      // They are many, and their lines would hide the bars.
      if (isNotification) continue;
      ctx.lineWidth = ratio;
      ctx.setLineDash(mark.kind === "regression" ? [] : [3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, plot.bbox.top);
      ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < 6) return;
    const [start, end] = [left, left + width].map((position) => Math.round(plot.posToVal(position, "x") * 1000));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    const middle = (start + end) / 2;
    const half = Math.max(end - start, 5 * MINUTE) / 2;
    this.show({ start: Math.round(middle - half), end: Math.round(middle + half) });
  }

  point(plot) {
    const { left, idx } = plot.cursor;
    this.tip.hidden = idx === null || idx === undefined || left < 0;
    if (this.tip.hidden) return;
    const at = this.data.starts[idx] * 1000;
    const count = number.format(this.data.counts[idx]);
    this.tip.textContent = `${moment.format(at)} · ${this.text("count").replace("{count}", count)}`;
    const room = plot.over.clientWidth - this.tip.offsetWidth;
    this.tip.style.transform = `translate(${Math.max(0, Math.min(left + 10, room))}px, 4px)`;
  }

  text(name) {
    return this.figure.dataset[`text${name[0].toUpperCase()}${name.slice(1)}`];
  }

  // The same in words, for whoever does not see it.
  describe() {
    const { counts, start, end } = this.data;
    const total = counts.reduce((sum, count) => sum + count, 0);
    this.figure.querySelector("figcaption").textContent = this.text("summary")
      .replace("{count}", number.format(total))
      .replace("{start}", moment.format(start))
      .replace("{end}", moment.format(end));
    const list = this.figure.querySelector(".marks");
    list.replaceChildren(
      ...this.listed().map((mark) => {
        const item = document.createElement("li");
        item.className = mark.kind;
        const sign = document.createElement("span");
        sign.setAttribute("aria-hidden", "true");
        sign.textContent = MARK_SIGNS[mark.kind];
        const name = document.createElement("bdi");
        name.textContent = this.text(mark.kind).replace("{name}", () => mark.name ?? "");
        const time = document.createElement("time");
        time.dateTime = new Date(mark.at).toISOString();
        time.title = time.dateTime.replace("T", " ").replace(/\.\d+Z/, " UTC");
        time.textContent = moment.format(mark.at);
        item.append(sign, " ", name, " ", time);
        return item;
      }),
    );
  }

  // The marks to list: of notifications, which would leave no room for others, the channels' last.
  listed() {
    const { marks } = this.data;
    const last = new Map(marks.filter((mark) => mark.kind === "notification").map((mark) => [mark.name, mark]));
    const others = marks.filter((mark) => mark.kind !== "notification");
    return [...others.slice(-MAX_LISTED), ...[...last.values()].slice(-MAX_LISTED)];
  }

  resize() {
    const size = this.size();
    const { width, height } = this.plot ?? size;
    if (size.width !== width || size.height !== height) this.plot.setSize(size);
  }
}
