// The live page: frames of /live, written into the document. Texts are set as text, never as markup.

import { Curve, Fill, Strip, axis, element } from "/charts.js";

const DEPTH = 10;
const TRADES = 24;
const HISTORY_S = 120;
const SILENT_AFTER_MS = 2000;
const AGAIN_AFTER_MS = 1000;

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en-US");
const tenths = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat("en-US", { signDisplay: "exceptZero" });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const gauge = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6 });
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
// A time in ns as microseconds; beyond a thousand of them a tenth says nothing.
const micros = (ns) => (ns < 1e6 ? tenths.format(ns / 1e3) : number.format(Math.round(ns / 1e3)));
const count = (value) => (value === null || value === undefined ? "–" : number.format(value));

function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// --- rates ---------------------------------------------------------------------------------------

const rates = new Map();
for (const name of ["orders", "events", "trades", "packets"]) {
  const tile = element("div", "panel rate");
  tile.id = `rate-${name}`;
  const total = tile.appendChild(element("span", "total"));
  tile.appendChild(element("div", "name", `${name} a second`));
  const now = tile.appendChild(element("div", "now", "–"));
  const curve = new Curve(HISTORY_S);
  tile.appendChild(curve.svg);
  at("rates").appendChild(tile);
  rates.set(name, { total, now, curve });
}

function showRates(view) {
  for (const [name, { total, now, curve }] of rates) {
    const rate = view.rates[name];
    say(now, rate === null ? "–" : number.format(Math.round(rate)));
    say(total, `${number.format(view.totals[name])} in all`);
    curve.draw(view.history[name]);
  }
}

// --- book ----------------------------------------------------------------------------------------

function level(side) {
  const row = element("div", "level");
  const cells = ["count", "depth bid", "price", "depth offer", "count"].map((name) =>
    row.appendChild(element("span", name)),
  );
  const own = side === "bids" ? cells[1] : cells[3];
  const bar = own.appendChild(element("span", "bar"));
  const qty = own.appendChild(element("span", "qty"));
  at(side).appendChild(row);
  return { bar, qty, price: cells[2], orders: side === "bids" ? cells[0] : cells[4] };
}

const levels = {
  offers: Array.from({ length: DEPTH }, () => level("offers")).reverse(),
  bids: Array.from({ length: DEPTH }, () => level("bids")),
};

function showBook(book) {
  const largest = Math.max(1, ...book.bids.map((one) => one.qty), ...book.offers.map((one) => one.qty));
  for (const side of ["bids", "offers"]) {
    levels[side].forEach(({ bar, qty, price, orders }, depth) => {
      const one = book[side][depth];
      say(price, one ? one.price : "");
      say(qty, one ? number.format(one.qty) : "");
      say(orders, one ? number.format(one.order_count) : "");
      bar.style.width = one ? `${(one.qty / largest) * 100}%` : "0";
    });
  }
  say(at("symbol"), book.symbol);
  const isRight = book.state === "live";
  say(at("phase"), (book.phase || "not heard yet") + (isRight || !book.phase ? "" : `, ${book.state}`));
  say(at("last-px"), book.last_px ?? "–");
  say(at("spread"), book.spread === null ? "" : `spread ${book.spread}`);
}

function showTrades(trades) {
  const rows = trades.slice(0, TRADES).map((one) => {
    const row = element("tr", one.aggressor);
    row.append(
      element("td", "", clock(one.heard_at_s)),
      element("td", "price", one.price),
      element("td", "qty", number.format(one.qty)),
      element("td", "aggressor", one.aggressor),
    );
    return row;
  });
  at("trade-rows").replaceChildren(...rows, ...(rows.length ? [] : [nothing(4, "none heard yet")]));
  const [newest, before] = trades.map((one) => Number(one.price));
  const direction = newest > before ? "up" : newest < before ? "down" : "";
  at("last-px").className = `last ${direction}`;
}

function nothing(columns, text) {
  const row = element("tr");
  const cell = row.appendChild(element("td", "empty", text));
  cell.colSpan = columns;
  return row;
}

// --- tables whose rows stay ----------------------------------------------------------------------

/** Rows by name: made when a name comes, gone when it goes, and otherwise written anew. */
class Rows {
  constructor(body, columns, drawing, hasDetail = false) {
    Object.assign(this, { body: at(body), columns, drawing, hasDetail, rows: new Map() });
  }

  show(items, cellsOf, empty) {
    const names = items.map((one) => one.name);
    if (names.join("\n") !== [...this.rows.keys()].join("\n") || !this.body.firstChild) {
      this.rows = new Map(names.map((name) => [name, this.row()]));
      const rows = [...this.rows.values()].flatMap(({ row, detail }) => (detail ? [row, detail.row] : [row]));
      this.body.replaceChildren(...(rows.length ? rows : [nothing(this.columns, empty)]));
    }
    for (const item of items) {
      const { row, cells, drawn, detail } = this.rows.get(item.name);
      cellsOf(item, drawn ?? detail, row).forEach((cell, column) => {
        if (cell === null) return;
        const [text, className] = Array.isArray(cell) ? cell : [cell, cells[column].className];
        say(cells[column], text);
        cells[column].className = className;
      });
    }
  }

  row() {
    const row = element("tr");
    const cells = Array.from({ length: this.columns }, () => row.appendChild(element("td")));
    let drawn = null;
    if (this.drawing) {
      drawn = new this.drawing.kind();
      cells[1].className = this.drawing.name;
      cells[1].appendChild(drawn.box);
    }
    return { row, cells, drawn, detail: this.hasDetail ? new Detail(this.columns) : null };
  }
}

/** A second line of a row, with as many pairs of a name and a value as there are. */
class Detail {
  constructor(columns) {
    this.row = element("tr", "detail");
    this.box = this.row.appendChild(element("td"));
    this.box.colSpan = columns;
    this.names = "";
  }

  show(pairs) {
    const names = pairs.map(({ kind, name }) => `${kind} ${name}`).join("\n");
    if (names !== this.names) {
      this.names = names;
      // With a space between: it is what a copied line has.
      this.box.replaceChildren(...pairs.flatMap((pair) => [Detail.pair(pair), " "]));
    }
    this.row.hidden = pairs.length === 0;
    pairs.forEach(({ value, className }, index) => {
      const shown = this.box.children[index].lastChild;
      say(shown, value);
      shown.className = className;
    });
  }

  static pair({ kind, name }) {
    const pair = element("span", `pair ${kind}`);
    pair.append(element("span", "quiet", name), " ", element("span"));
    return pair;
  }
}

const hops = new Rows("hop-rows", 6, { kind: Strip, name: "strip" });
const rings = new Rows("ring-rows", 6, { kind: Fill, name: "fill" });
const sessions = new Rows("session-rows", 5);
const strategies = new Rows("strategy-rows", 12, null, true);
at("axis").appendChild(axis());

function percentiles(hop) {
  const told = [hop.p50, hop.p99, hop.p99_9, hop.max];
  return told.map((ns) => (hop.count ? micros(ns) : "–"));
}

function showHops(view) {
  hops.show(
    view.hops,
    (hop, strip, row) => {
      strip.draw(hop);
      row.className = hop.name === "gateway rx to socket tx" ? "sum" : "";
      return [hop.name, null, ...percentiles(hop)];
    },
    "no order was answered yet",
  );
}

function showRings(view) {
  rings.show(view.rings, (ring, fill) => {
    fill.draw(ring.depth ?? 0, ring.capacity);
    if (ring.fault) return [ring.name, null, ["not there", "off"], "", "", ""];
    const refused = [count(ring.refused), ring.refused ? "bad" : ""];
    return [ring.name, null, [count(ring.depth), ""], count(ring.capacity), count(ring.published), refused];
  });
}

function showSessions(view) {
  sessions.show(
    view.sessions,
    (one) => {
      const blocked = one.is_blocked ? ", blocked" : "";
      const state = (one.is_connected ? "logged on" : "not logged on") + blocked;
      const className = one.is_blocked ? "bad" : one.is_connected ? "on" : "off";
      return [one.name, one.member, [state, className], count(one.next_in), count(one.next_out)];
    },
    "none yet",
  );
  const on = view.sessions.filter((one) => one.is_connected).length;
  say(at("session-count"), `${on} of ${view.sessions.length} logged on`);
}

/** Whose targets they are, how old, and how long they hold. */
function targetsOf(targets) {
  if (targets === null) return [];
  const left = targets.is_expired ? "expired" : `${whole.format(targets.left_s)} s left`;
  const value = `${whole.format(targets.age_s)} s old, ${left}`;
  const name = `targets ${targets.version} of ${targets.source}`;
  return [{ kind: "targets", name, value, className: targets.is_expired ? "bad" : "" }];
}

/** Position of each instrument, and its target where it has one. */
function lotsOf({ positions, targets }) {
  const wanted = targets?.positions ?? {};
  return Object.keys({ ...wanted, ...positions }).map((name) => {
    const lots = positions[name] ?? 0;
    const side = lots < 0 ? "short" : lots > 0 ? "long" : "";
    if (!(name in wanted)) return { kind: "held", name, value: signed.format(lots), className: side };
    const value = `${signed.format(lots)} of ${signed.format(wanted[name])}`;
    return { kind: "held", name, value, className: `${side} ${lots === wanted[name] ? "" : "under-way"}` };
  });
}

function showStrategies(view) {
  at("strategies").hidden = view.strategies.length === 0;
  strategies.show(view.strategies, (one, detail) => {
    const gauges = Object.entries(one.gauges).map(([name, value]) => {
      return { kind: "gauge", name, value: value === null ? "–" : gauge.format(value), className: "" };
    });
    detail.show([...gauges, ...targetsOf(one.targets), ...lotsOf(one)]);
    const counts = [one.commands, one.fills, one.rejected, one.throttled, one.bad_records].map(count);
    const state = one.is_connected ? ["connected", "on"] : ["not connected", "off"];
    return [one.name, one.member, state, ...counts, ...percentiles(one.tick_to_trade)];
  });
}

// --- head ----------------------------------------------------------------------------------------

function showSymbols(view) {
  const tabs = view.symbols.map(([symbol, phase]) => {
    const tab = element("a", "", symbol);
    tab.href = `#${encodeURIComponent(symbol)}`;
    tab.title = phase || "not heard yet";
    if (symbol === view.book.symbol) tab.setAttribute("aria-current", "true");
    return tab;
  });
  const text = JSON.stringify([view.symbols, view.book.symbol]);
  if (at("symbols").dataset.shown === text) return;
  at("symbols").dataset.shown = text;
  at("symbols").replaceChildren(...tabs);
}

function showHead(view) {
  say(at("venue"), view.venue);
  say(at("durability"), view.durability);
  say(at("seq"), count(view.seq));
  say(at("open-orders"), count(view.totals.open_orders));
  say(at("clock"), clock(view.at_s));
  const { is_silent: isSilent, is_live: isLive } = view.feed;
  say(at("feed"), isSilent ? "silent" : isLive ? "live" : "recovering");
  at("feed").className = isLive && !isSilent ? "" : "bad";
  document.title = `${view.book.symbol} ${view.book.last_px ?? ""} · ${view.venue}`;
}

function showState(text, className, banner) {
  say(at("state"), text);
  at("state").className = `pill ${className}`;
  say(at("banner"), banner);
  at("banner").hidden = banner === "";
  document.body.classList.toggle("away", className === "away");
}

function showVenueState(view) {
  if (!view.is_running) {
    const since = view.heard_at_s === null ? "" : ` What is below was last seen at ${clock(view.heard_at_s)}.`;
    showState("not running", "away", `The venue does not answer.${since}`);
  } else if (view.silent_agents.length) {
    showState("running", "running", `No figures from the ${view.silent_agents.join(", the ")}.`);
  } else {
    showState("running", "running", "");
  }
}

// --- frames --------------------------------------------------------------------------------------

let stream = null;
let heardAt = performance.now();

function show(view) {
  heardAt = performance.now();
  showHead(view);
  showSymbols(view);
  showVenueState(view);
  showRates(view);
  showBook(view.book);
  showTrades(view.trades);
  showHops(view);
  showRings(view);
  showSessions(view);
  showStrategies(view);
}

function listen() {
  stream?.close();
  // What the address names is encoded already.
  const symbol = location.hash.slice(1);
  stream = new EventSource(symbol ? `/live?symbol=${symbol}` : "/live");
  stream.onmessage = (event) => {
    event.target.heard = true;
    show(JSON.parse(event.data));
  };
  stream.onerror = cutOff;
}

function cutOff() {
  showState("page is cut off", "away", "The exporter does not answer; this page tries again.");
}

// The browser connects again by itself, but not after a refusal: too many watch, or the address
// names an instrument that there is not, in which case the first one is shown.
function again() {
  if (stream.heard || location.hash === "") listen();
  else location.hash = "";
}

setInterval(() => {
  if (performance.now() - heardAt > SILENT_AFTER_MS) cutOff();
  if (stream.readyState === EventSource.CLOSED) again();
}, AGAIN_AFTER_MS);

addEventListener("hashchange", listen);
listen();
