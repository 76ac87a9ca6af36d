// The small drawings of the live page: curves of rates, strips of latencies, bars of queues.

const SVG = "http://www.w3.org/2000/svg";
// A strip goes from 100 ns to 1 s, a decade every seventh; page.css draws their lines.
const STRIP_FROM_NS = 100;
const STRIP_DECADES = 7;
const AXIS = ["", "1 µs", "", "100 µs", "", "10 ms", "", ""];

/** An element with a class and a text. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}

/** A curve with the area below it; `draw` takes rates, oldest first, one each second. */
export class Curve {
  constructor(seconds) {
    this.seconds = seconds;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${seconds - 1} 40`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("aria-hidden", "true");
    this.area = this.path("area");
    this.curve = this.path("curve");
  }

  path(className) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", className);
    return this.svg.appendChild(path);
  }

  draw(rates) {
    const top = Math.max(...rates, 1);
    const first = this.seconds - rates.length;
    const points = rates.map((rate, at) => `${first + at},${(38 - (rate / top) * 35).toFixed(2)}`);
    const line = points.length ? `M${points.join("L")}` : "";
    this.curve.setAttribute("d", line);
    this.area.setAttribute("d", line && `${line}L${this.seconds - 1},40L${first},40Z`);
  }
}

/** Where a time lies on the strip, per cent of its width. */
function place(ns) {
  const decades = Math.log10(Math.max(ns, STRIP_FROM_NS) / STRIP_FROM_NS);
  return Math.min(decades / STRIP_DECADES, 1) * 100;
}

/** The percentiles of a hop on a logarithmic strip. */
export class Strip {
  constructor() {
    this.box = element("div", "strip-box");
    this.tail = this.box.appendChild(element("i", "tail"));
    this.main = this.box.appendChild(element("i", "main"));
    this.dot = this.box.appendChild(element("i", "dot"));
  }

  draw(hop) {
    const [p50, p99, p999, max] = [hop.p50, hop.p99, hop.p99_9, hop.max].map(place);
    span(this.main, p50, p99);
    span(this.tail, p99, p999);
    this.dot.style.left = `${max}%`;
  }
}

function span(bar, from, to) {
  bar.style.left = `${from}%`;
  bar.style.width = `max(${to - from}%, 3px)`;
}

/** The labels above the strips. */
export function axis() {
  const box = element("div", "axis-box");
  AXIS.forEach((text, at) => {
    const label = box.appendChild(element("span", "", text));
    label.style.left = `${(at / STRIP_DECADES) * 100}%`;
  });
  return box;
}

/** How full a queue is. */
export class Fill {
  constructor() {
    this.box = element("div", "fill-box");
    this.bar = this.box.appendChild(element("i"));
  }

  draw(depth, capacity) {
    const share = capacity ? depth / capacity : 0;
    this.bar.style.width = depth ? `max(${share * 100}%, 2px)` : "0";
    this.bar.className = share > 0.5 ? "high" : "";
  }
}
